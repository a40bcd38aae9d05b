/**
 * Contact links: an address in the fragment of the app's URL, which no server sees.
 *
 * A link selects somebody, and does nothing else: anybody can make one, and any page can lead here.
 * @module
 */

import { isAddress, parseAddress } from '../client/whisper.js';

/** No address has it, and it needs no escape in a fragment. */
const BEFORE_NAME = '~';
/** What a link to another device begins with; no address does. */
const DEVICE = 'device=';
const LOOPBACK = ['127.0.0.1', '[::1]'];
/** On one machine an answer takes milliseconds. */
const ANSWER_MS = 1000;

/**
 * @param {string} [page] the URL of a page of the app
 * @returns {string} where the app is, under whatever path prefix: its server is there too
 */
export function appUrl(page = location.href) {
  return new URL('./', page).href;
}

/**
 * Return the link that lets whoever opens it ring an address.
 * @param {string} address
 * @param {string} [page] the URL of a page of the app
 * @param {string} [name] that the person gives themselves, if any
 */
export function linkTo(address, page = location.href, name = '') {
  return `${appUrl(page)}#${encodeURIComponent(address)}${name && BEFORE_NAME}${encodeURIComponent(name).replaceAll(BEFORE_NAME, '%7E')}`;
}

/**
 * Return the address that somebody typed or pasted, alone or in a link.
 * @param {string} text
 * @returns {string}
 * @throws {import('../client/whisper.js').WhisperError} `invalid_address`, saying what is wrong
 */
export function parseLink(text) {
  const at = text.indexOf('#');
  return parseAddress(at < 0 ? text : split(text.slice(at + 1)).address);
}

/**
 * @param {string} [url] of a page
 * @returns {string | null} whom the page was opened for
 */
export function readLink(url = location.href) {
  const { address } = split(new URL(url).hash.slice(1));
  return isAddress(address) ? address : null;
}

/**
 * @param {string} text that somebody typed or pasted, or a page's URL
 * @returns {string} the name in a link, as its maker wrote it; '' without
 */
export function nameInLink(text = location.href) {
  const at = text.indexOf('#');
  return at < 0 ? '' : split(text.slice(at + 1)).name;
}

/**
 * Return the link that takes a sealed identity to another device. Who opens it needs the recovery code as well.
 * @param {string} recovery
 * @param {string} [page] the URL of a page of the app
 */
export function linkToDevice(recovery, page = location.href) {
  return `${appUrl(page)}#${DEVICE}${encodeURIComponent(recovery)}`;
}

/**
 * @param {string} [url] of a page
 * @returns {string | null} the sealed identity that the page was opened with: it fills a field, and nothing more
 */
export function readDeviceLink(url = location.href) {
  const fragment = new URL(url).hash.slice(1);
  return fragment.startsWith(DEVICE) ? decode(fragment.slice(DEVICE.length)) : null;
}

/** Take the fragment away, so that a reload does not go there again. */
export function clearLink() {
  if (location.hash) history.replaceState(history.state, '', location.pathname + location.search);
}

/** Load the page again. */
export function reload() {
  location.reload();
}

/**
 * Go to http://localhost if the page was opened at this machine's address, which to a browser is another origin, with another identity.
 * It stays where an identity is stored already, and where the same server does not answer as localhost.
 * @returns {Promise<boolean>} whether the page is about to leave
 */
export async function moveToLocalhost() {
  const url = localhostUrl(location.href);
  if (!url || (await isUsed()) || !(await answersAlike(url))) return false;
  location.replace(url);
  return true;
}

/**
 * @param {string} page
 * @returns {string | null} the same page at localhost, if *page* is at the loopback address
 */
export function localhostUrl(page) {
  const url = new URL(page);
  if (url.protocol !== 'http:' || !LOOPBACK.includes(url.hostname)) return null;
  url.hostname = 'localhost';
  return url.href;
}

async function isUsed() {
  return ((await indexedDB.databases?.()) ?? []).length > 0;
}

/** @param {string} url */
async function answersAlike(url) {
  const keys = [appUrl(), appUrl(url)].map(async (app) => {
    const answer = await fetch(new URL('config', app), { signal: AbortSignal.timeout(ANSWER_MS) });
    return (await answer.json()).vapid_public_key;
  });
  try {
    const [here, there] = await Promise.all(keys);
    return here === there;
  } catch {
    return false;
  }
}

/** @param {string} fragment */
function split(fragment) {
  const [address = '', name = ''] = fragment.split(BEFORE_NAME, 2);
  return { address: decode(address), name: decode(name) };
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text.trim());
  } catch {
    return text;
  }
}
