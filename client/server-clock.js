/**
 * Clock of the server, as its answers tell it: kept in the storage, where the service worker reads it.
 * @module
 */

/** @typedef {import('./store.js').Store} Store */

/** How far the server's clock is ahead of ours, ms. */
const KEY = 'ahead';

/** Clock of the server, estimated from its answers. */
export class ServerClock {
  #store;
  #ahead = 0;
  #told = false;

  /** @param {Store} store */
  constructor(store) {
    this.#store = store;
  }

  /** @returns {number} the server's time as we know it, ms since the Unix epoch */
  now() {
    return Date.now() + this.#ahead;
  }

  /**
   * Set our idea of it, unless what it says is possible: a slow answer, as when a push takes seconds, says little.
   * @param {number} timestamp by the server's clock, between the question and now
   * @param {number} asked by ours
   */
  async set(timestamp, asked) {
    const now = Date.now();
    const possible = asked + this.#ahead <= timestamp && timestamp <= now + this.#ahead;
    if (possible && this.#told) return;
    this.#told = true;
    this.#ahead = Math.round(timestamp - (asked + now) / 2);
    await this.#store.put('state', this.#ahead, KEY);
  }
}

/**
 * @param {Store} store
 * @returns {Promise<number>} the server's time as the pages have last heard it, ms since the Unix epoch
 */
export async function storedServerTime(store) {
  return Date.now() + ((await store.get('state', KEY)) ?? 0);
}
