/**
 * Words of notifications in the person's language: the page leaves them to the service worker, which can't load a language.
 * @module
 */

/** @typedef {{lang: string, dir: 'ltr' | 'rtl', texts: Record<string, string>}} Words */

const PUSHES = /** @type {const} */ (['push.connecting', 'push.connectingText', 'push.closed', 'push.closedText']);
export const KEYS = /** @type {const} */ (['call.answer', 'call.decline', 'call.ringsYou', 'call.strangerRings', 'call.missed', ...PUSHES]);

const CACHE = 'whisper-words';
const NAME = '/words.json';

/**
 * @param {Words | null} words null: the worker's own will do, which are English
 */
export async function keepWords(words) {
  if (!words) return void (await caches.delete(CACHE));
  const cache = await caches.open(CACHE);
  await cache.put(NAME, Response.json(words));
}

/** @returns {Promise<Words | undefined>} */
export async function readWords() {
  const kept = await caches.match(NAME, { cacheName: CACHE });
  return kept?.json();
}
