/// <reference lib="webworker" />
/**
 * Service worker of the app: calls come in by `install`, and pages open from the shell's cache.
 * @module
 */

import { shortAddress } from './app/display-names.js';
import { findContact } from './app/storage/contacts.js';
import { readWords } from './app/texts/notification-texts.js';
import { install } from './client/worker.js';
import { TEXTS } from './languages/en.js';
import { ShellCache } from './shell-cache.js';

/** @typedef {typeof import('./app/texts/notification-texts.js').KEYS[number]} Key */

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

const ROOT = new URL('./', worker.location.href);
const shell = new ShellCache(ROOT);
/** What pages load; calls of the API have no destination. */
const FILES = ['script', 'style', 'image', 'manifest', 'font'];

install({
  describe: async ({ address, method, missed }) => {
    const contact = await findContact(address).catch(() => undefined);
    const rings = method === 'dial' && !missed;
    const words = await readWords().catch(() => undefined);
    const text = (/** @type {Key} */ key) => words?.texts[key] ?? TEXTS[key];
    const news = method === 'close' ? [text('push.closed'), text('push.closedText')] : [text('push.connecting'), text('push.connectingText')];
    const call = text(missed ? 'call.missed' : contact ? 'call.ringsYou' : 'call.strangerRings');
    const [title = '', body = ''] = rings || missed ? [contact?.name || shortAddress(address), call] : news;
    return {
      ...{ title, body, icon: urlOf('icons/icon-192.png'), badge: urlOf('icons/badge-96.png') },
      ...(words && { lang: words.lang, dir: words.dir }),
      ...(rings && { actions: [{ action: 'answer', title: text('call.answer') }, { action: 'decline', title: text('call.decline') }] }),
    };
  },
});

worker.addEventListener('install', (event) => {
  worker.skipWaiting();
  event.waitUntil(renew());
});

worker.addEventListener('fetch', (event) => {
  const { method, url, mode, destination } = event.request;
  if (method !== 'GET' || !url.startsWith(ROOT.href)) return;
  if (mode === 'navigate' && isPage(url)) {
    event.respondWith(shell.open(event.request));
    event.waitUntil(renew());
  } else if (FILES.includes(destination)) {
    event.respondWith(shell.read(event.request));
  }
});

/** Fetch a new version, and tell the pages. That it fails does no harm: calls are worth more than opening without a network. */
async function renew() {
  const isNew = await shell.renew().catch(() => false);
  if (!isNew) return;
  const pages = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  for (const page of pages) page.postMessage({ app: 'renewed' });
}

/** @param {string} url of a navigation: the page has one, with whatever it is opened */
function isPage(url) {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`.replace(/\/index\.html$/, '/') === ROOT.href;
}

/** @param {string} path */
function urlOf(path) {
  return new URL(path, ROOT).href;
}
