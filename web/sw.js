/// <reference lib="webworker" />
/**
 * Service worker of the app: calls come in by `install`; the rest keeps the app's shell for when there is no network.
 * @module
 */

import { install } from './client/worker.js';
import { findContact, shortAddress } from './app/contacts.js';

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
  'app/browser-storage.js',
  'app/calls.js',
  'app/contact-actions.js',
  'app/contacts.js',
  'app/conversation.js',
  'app/devices.js',
  'app/error-messages.js',
  'app/format.js',
  'app/links.js',
  'app/main.js',
  'app/peer-events.js',
  'app/reconnect-after-reload.js',
  'app/route-text.js',
  'app/session.js',
  'app/share.js',
  'app/state.js',
  'app/views/avatar.js',
  'app/views/chat-header-view.js',
  'app/views/composer-view.js',
  'app/views/dom.js',
  'app/views/download.js',
  'app/views/entry-view.js',
  'app/views/file-view.js',
  'app/views/incoming-view.js',
  'app/views/install-view.js',
  'app/views/message-list-view.js',
  'app/views/notices.js',
  'app/views/page-view.js',
  'app/views/passphrase-fields.js',
  'app/views/people-view.js',
  'app/views/person-dialogs.js',
  'app/views/ringtone.js',
  'app/views/settings-view.js',
  'app/views/stage-view.js',
  'app/views/wake-lock.js',
  'app/views/welcome-view.js',
  'client/api-client.js',
  'client/connection-manager.js',
  'client/emitter.js',
  'client/events.js',
  'client/identity.js',
  'client/incoming-calls.js',
  'client/page-lifecycle.js',
  'client/peer.js',
  'client/promises.js',
  'client/protocol/base64.js',
  'client/protocol/ed25519-points.js',
  'client/protocol/errors.js',
  'client/protocol/json-values.js',
  'client/protocol/messages.js',
  'client/protocol/sealing.js',
  'client/protocol/signaling-session.js',
  'client/push/inbox.js',
  'client/push/page-inbox.js',
  'client/push/registration.js',
  'client/push/subscription.js',
  'client/push/support.js',
  'client/push/worker-messages.js',
  'client/push/worker-registration.js',
  'client/rtc/byte-budget.js',
  'client/rtc/channels.js',
  'client/rtc/connection.js',
  'client/rtc/connectivity.js',
  'client/rtc/delivery-tracker.js',
  'client/rtc/file-transfer.js',
  'client/rtc/media.js',
  'client/rtc/negotiation.js',
  'client/rtc/outgoing-values.js',
  'client/rtc/part-assembler.js',
  'client/rtc/receive-queue.js',
  'client/rtc/reconnect.js',
  'client/rtc/reliable-delivery.js',
  'client/rtc/route.js',
  'client/rtc/sealed-channel.js',
  'client/rtc/transfers.js',
  'client/setup.js',
  'client/shared-start.js',
  'client/store.js',
  'client/whisper.js',
  'client/windows.js',
];
/** @param {string} path */
const urlOf = (path) => new URL(path, ROOT).href;
const shell = new Set(SHELL.map(urlOf));

install({
  actions: [
    { action: 'answer', title: 'Answer' },
    { action: 'decline', title: 'Decline' },
  ],
  describe: async ({ address, method, missed, title, body }) => {
    const contact = await findContact(address).catch(() => undefined);
    const name = contact?.name || shortAddress(address);
    const rings = method === 'dial';
    return {
      title: rings || missed ? name : title,
      body: rings ? `is calling you${contact ? '' : ', and is not in your people'}` : missed ? 'Missed call' : body,
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
