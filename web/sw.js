/// <reference lib="webworker" />
/**
 * The service worker: calls come in by `install`; the rest keeps the shell of the app for when there is no network.
 * @module
 */

import { findContact, shortAddress } from './js/contacts.js';
import { install } from './js/worker.js';

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

/** Another name, another cache: the old one is deleted. */
const CACHE = 'whisper-shell-1';
/** A network that does not answer by then counts as none. */
const NETWORK_MS = 3000;
/** Nobody waits longer than that for calls to be turned on, because a file does not come. */
const PRECACHE_MS = 10_000;
const ROOT = new URL('./', worker.location.href);

/** Every file that the page loads; './' is the page. */
const SHELL = [
  './',
  'style.css',
  'manifest.webmanifest',
  'icons/icon.svg',
  'icons/icon-192.png',
  'icons/apple-touch-icon.png',
  'js/base64.js',
  'js/channel.js',
  'js/channels.js',
  'js/connection.js',
  'js/contacts.js',
  'js/conversation.js',
  'js/delivery.js',
  'js/dialogue.js',
  'js/errors.js',
  'js/events.js',
  'js/inbox.js',
  'js/keys.js',
  'js/main.js',
  'js/media.js',
  'js/messages.js',
  'js/negotiation.js',
  'js/peer.js',
  'js/promises.js',
  'js/protocol.js',
  'js/reconnecting.js',
  'js/registration.js',
  'js/ringing.js',
  'js/rings.js',
  'js/route.js',
  'js/sealing.js',
  'js/server.js',
  'js/store.js',
  'js/switchboard.js',
  'js/transfer.js',
  'js/whisper.js',
  'js/ui/avatar.js',
  'js/ui/bell.js',
  'js/ui/calls.js',
  'js/ui/chat.js',
  'js/ui/composer-view.js',
  'js/ui/connected.js',
  'js/ui/dialogs.js',
  'js/ui/download.js',
  'js/ui/entry-view.js',
  'js/ui/file-view.js',
  'js/ui/format.js',
  'js/ui/h.js',
  'js/ui/incoming-view.js',
  'js/ui/install.js',
  'js/ui/link.js',
  'js/ui/log-view.js',
  'js/ui/media.js',
  'js/ui/memory.js',
  'js/ui/notices.js',
  'js/ui/passphrase.js',
  'js/ui/people-view.js',
  'js/ui/people.js',
  'js/ui/reload.js',
  'js/ui/route.js',
  'js/ui/session.js',
  'js/ui/settings-view.js',
  'js/ui/share.js',
  'js/ui/stage-view.js',
  'js/ui/state.js',
  'js/ui/talk-view.js',
  'js/ui/wake.js',
  'js/ui/welcome-view.js',
  'js/ui/words.js',
];
/** @param {string} path */
const urlOf = (path) => new URL(path, ROOT).href;
const shell = new Set(SHELL.map(urlOf));

install({
  describe: async ({ address, missed, title, body }) => {
    const contact = await findContact(address).catch(() => undefined);
    const name = contact?.name || shortAddress(address);
    const ringing = title === 'Incoming call';
    return {
      title: ringing || missed ? name : title,
      body: ringing ? 'is calling you' : missed ? 'Missed call' : body,
      icon: urlOf('icons/icon-192.png'),
      badge: urlOf('icons/badge-96.png'),
    };
  },
});

worker.addEventListener('install', (event) => {
  worker.skipWaiting();
  event.waitUntil(precache());
});

worker.addEventListener('activate', (event) => event.waitUntil(deleteOldCaches()));

worker.addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  const key = shellKey(url);
  if (method === 'GET' && shell.has(key)) event.respondWith(networkFirst(event.request, key));
});

/** Fetch the shell. A file that fails does no harm: calls are worth more than opening without a network. */
async function precache() {
  const cache = await caches.open(CACHE);
  const signal = AbortSignal.timeout(PRECACHE_MS);
  await Promise.allSettled([...shell].map((url) => cache.add(new Request(url, { cache: 'no-cache', signal }))));
}

async function deleteOldCaches() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith('whisper-shell-') && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

/**
 * @param {Request} request
 * @param {string} key
 * @returns {Promise<Response>}
 */
async function networkFirst(request, key) {
  const cache = await caches.open(CACHE);
  const fetched = fetch(request).then((response) => {
    if (response.ok && !response.redirected) cache.put(key, response.clone()).catch(() => undefined); // no room: no matter
    return response;
  });
  fetched.catch(() => undefined); // it may fail after the cache has answered
  const kept = await cache.match(key);
  if (!kept) return fetched;
  return Promise.race([fetched.catch(() => kept), after(NETWORK_MS, kept)]);
}

/**
 * @template T
 * @param {number} ms
 * @param {T} value
 * @returns {Promise<T>}
 */
function after(ms, value) {
  return new Promise((resolve) => {
    setTimeout(() => resolve(value), ms);
  });
}

/**
 * Return a request's URL as the cache knows it: the page has one, with whatever it was opened.
 * @param {string} url
 */
function shellKey(url) {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`.replace(/\/index\.html$/, '/');
}
