/**
 * Contact storage in IndexedDB, shared by the pages and the service worker.
 * @module
 */

import { Store } from '../client/store.js';

/** @typedef {{address: string, name: string}} Contact `name` may be empty */

/** Longer than names are, and short enough for a line. */
const MAX_NAME = 60;
/** A peer can send one of millions of characters, which would take the page seconds. */
const MAX_READ = 1000;

/** @returns {Promise<Contact[]>} */
export function allContacts() {
  return Store.use((store) => store.all('contacts'));
}

/**
 * @param {string} address
 * @returns {Promise<Contact | undefined>}
 */
export function findContact(address) {
  return Store.use((store) => store.get('contacts', address));
}

/**
 * Add a contact, or give it another name.
 * @param {string} address
 * @param {string} name
 * @returns {Promise<Contact>} as it is kept
 */
export async function saveContact(address, name) {
  const contact = { address, name: cleanName(name) };
  await Store.use((store) => store.put('contacts', contact));
  return contact;
}

/** @param {string} address */
export function removeContact(address) {
  return Store.use((store) => store.delete('contacts', address));
}

/**
 * Keep somebody under another address.
 * @param {Contact} contact
 * @param {string} address
 * @returns {Promise<Contact>} as it is kept
 */
export async function moveContact({ address: old, name }, address) {
  const moved = await saveContact(address, name);
  await removeContact(old);
  return moved;
}

/**
 * Return how an address is shown where there is no room: the first six and the last six of its characters. To make a
 * key that looks alike takes 2^70 attempts.
 * @param {string} address
 */
export function shortAddress(address) {
  const key = address.replace(/=+$/, '');
  return `${key.slice(0, 6)}…${key.slice(-6)}`;
}

/**
 * Return a name on one line, without characters that control how text runs.
 * @param {string} name from anybody, of any length
 */
export function cleanName(name) {
  const visible = name.slice(0, MAX_READ).replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim();
  return [...visible].slice(0, MAX_NAME).join('');
}
