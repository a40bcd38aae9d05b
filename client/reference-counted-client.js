/**
 * Reference-counted client: one runs for a page, however often it is started, and stops when it was stopped as often.
 * @module
 */

import { WhisperError } from './protocol/errors.js';

/**
 * Client with a reference count: two starts at once, or a component that is mounted twice, get one client.
 * @template {object} T
 */
export class ReferenceCountedClient {
  /** @type {{client: Promise<T>, instance?: T, options: string, uses: number} | undefined} */ #running;

  /**
   * Return the client that runs, or open one.
   * @param {string} options
   * @param {() => Promise<T>} open
   * @returns {Promise<T>} rejects with `already_started` when it runs with other options
   */
  start(options, open) {
    const running = this.#running;
    if (running && running.options !== options) return Promise.reject(new WhisperError('already_started'));
    if (running) {
      running.uses += 1;
      return running.client;
    }
    const started = { client: open(), options, uses: 1 };
    this.#running = started;
    started.client.then(
      (instance) => Object.assign(started, { instance }),
      () => this.#running === started && (this.#running = undefined),
    );
    return started.client;
  }

  /**
   * @param {T} client that is stopped by one of those who started it
   * @returns {boolean} whether nobody uses it any more
   */
  release(client) {
    if (this.#running?.instance !== client) return true;
    this.#running.uses -= 1;
    if (this.#running.uses > 0) return false;
    this.#running = undefined;
    return true;
  }

  /** @param {T} client that is of no use any more: the next start opens another */
  forget(client) {
    if (this.#running?.instance === client) this.#running = undefined;
  }
}
