/// <reference lib="webworker" />
/**
 * Versioned cache of the app's files: a page is opened from it at once, and a new version is fetched behind.
 *
 * The server's `shell.json` names each file with its hash, and one hash for all: the version. Each version has a cache
 * of its own, which is complete when it holds that list. Pages get the oldest complete one; a navigation changes to the
 * newest, so that a page never mixes two. A language is kept when a page asks for it.
 * @module
 */

import { readWords } from './app/texts/notification-texts.js';

/** `languages`: files of which one is kept, the one that the pages use.
 * @typedef {{version: string, files: Record<string, string>, languages: Record<string, string>}} Manifest
 */

const PREFIX = 'whisper-shell-';
const MANIFEST = 'shell.json';
const LANGUAGES = 'languages/';
/** Nobody waits longer for calls to be turned on, because a file does not come. */
const RENEWAL_MS = 10_000;

/** Versioned cache of the app's files. */
export class ShellCache {
  #root;
  /** @type {Promise<boolean> | null} */ #renewal = null;
  /** @type {Promise<Cache | undefined> | null} */ #current = null;

  /** @param {URL} root where the app is */
  constructor(root) {
    this.#root = root;
  }

  /**
   * Return the page: from now on, of the newest version that is complete.
   * @param {Request} request
   * @returns {Promise<Response>}
   */
  async open(request) {
    this.#current = this.#promote(this.#current);
    return this.#answer(request, this.#root.href);
  }

  /**
   * @param {Request} request for a file
   * @returns {Promise<Response>}
   */
  read(request) {
    this.#current ??= this.#completeVersions().then(([oldest]) => (oldest === undefined ? undefined : caches.open(oldest)));
    return this.#answer(request, request.url);
  }

  /**
   * Fetch the version that the server has, unless it is here.
   * @returns {Promise<boolean>} whether it takes the place of another
   */
  renew() {
    this.#renewal ??= this.#renew().finally(() => (this.#renewal = null));
    return this.#renewal;
  }

  /** @param {Promise<unknown> | null} earlier that may be about to open a version, which would make a deleted one again */
  async #promote(earlier) {
    await earlier?.catch(() => undefined);
    const complete = await this.#completeVersions();
    await Promise.all(complete.slice(0, -1).map((name) => caches.delete(name)));
    const newest = complete.at(-1);
    return newest === undefined ? undefined : caches.open(newest);
  }

  /**
   * @param {Request} request
   * @param {string} key
   */
  async #answer(request, key) {
    const cache = await this.#current;
    const kept = await cache?.match(key);
    if (kept) return kept;
    const response = await fetch(request);
    if (cache && response.ok && key.startsWith(this.#urlOf(LANGUAGES))) await cache.put(key, response.clone());
    return response;
  }

  async #renew() {
    const signal = AbortSignal.timeout(RENEWAL_MS);
    const { list, manifest } = await this.#fetchManifest(signal);
    const name = PREFIX + manifest.version;
    const complete = await this.#completeVersions();
    const unwanted = complete.includes(name) ? complete.slice(complete.indexOf(name) + 1) : await this.#incompleteVersions(name);
    await Promise.all(unwanted.map((old) => caches.delete(old)));
    if (complete.includes(name)) return false;
    const last = complete.at(-1);
    const known = last === undefined ? undefined : await caches.open(last);
    const cache = await caches.open(name);
    await Promise.all(Object.entries(await filesOf(manifest)).map(([file, hash]) => this.#keep(cache, known, file, hash, signal)));
    await cache.put(this.#urlOf(MANIFEST), list); // now it is complete
    return known !== undefined;
  }

  /** @param {AbortSignal} signal */
  async #fetchManifest(signal) {
    const list = await fetch(this.#urlOf(MANIFEST), { cache: 'no-cache', signal });
    if (!list.ok) throw new Error(`${MANIFEST}: ${list.status}`);
    /** @type {Manifest} */
    const manifest = await list.clone().json();
    return { list, manifest };
  }

  /**
   * Put a file of a version into its cache: from the cache of another version if it is the same, from the network otherwise.
   * @param {Cache} cache
   * @param {Cache | undefined} known
   * @param {string} file
   * @param {string} hash
   * @param {AbortSignal} signal
   */
  async #keep(cache, known, file, hash, signal) {
    const url = this.#urlOf(file);
    const kept = await known?.match(url);
    const response = kept && isVersion(kept, hash) ? kept : await fetch(url, { cache: 'no-cache', signal });
    if (!response.ok || response.redirected || !isVersion(response, hash)) throw new Error(`${file} is not of this version`);
    await cache.put(url, response);
  }

  /** @returns {Promise<string[]>} names, the oldest first */
  async #completeVersions() {
    const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
    const manifest = this.#urlOf(MANIFEST);
    const found = await Promise.all(names.map((cacheName) => caches.match(manifest, { cacheName }))); // makes no cache
    return names.filter((_, at) => found[at]);
  }

  /**
   * Return what was left by renewals that failed.
   * @param {string} wanted is about to be completed
   */
  async #incompleteVersions(wanted) {
    const complete = await this.#completeVersions();
    return (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== wanted && !complete.includes(name));
  }

  /** @param {string} path */
  #urlOf(path) {
    return new URL(path, this.#root).href;
  }
}

/**
 * Return the files that are to be kept: of the languages, the one in which the pages have left their words.
 * @param {Manifest} manifest
 */
async function filesOf({ files, languages }) {
  const words = await readWords().catch(() => undefined);
  const used = Object.entries(languages ?? {}).filter(([file]) => file === `${LANGUAGES}${words?.lang}.js`);
  return { ...files, ...Object.fromEntries(used) };
}

/**
 * @param {Response} response
 * @param {string} hash
 */
function isVersion({ headers }, hash) {
  return headers.get('etag')?.includes(hash) ?? true; // a proxy may have taken it away
}
