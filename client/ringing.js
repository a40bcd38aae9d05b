/**
 * A call that somebody is asked about.
 * @module
 */

import { WhisperError } from './protocol/errors.js';
import { PUSH_WINDOW_MS } from './protocol/messages.js';

/** @typedef {import('./protocol/messages.js').Call} Call */
/** @typedef {import('./peer.js').Peer} Peer */
/** @typedef {{stream?: MediaStream | null}} AcceptOptions */

/** A dial that has not been answered yet; it ends by an answer, a hang-up, or its age. */
export class Ringing {
  #controller = new AbortController();

  /**
   * @param {Call} dial
   * @param {number} now the server's time, ms
   * @param {(options?: AcceptOptions) => Promise<Peer>} accept
   * @param {() => Promise<void>} decline
   */
  constructor(dial, now, accept, decline) {
    this.dial = dial;
    this.accept = accept;
    this.decline = decline;
    this.signal = this.#controller.signal;
    const timer = setTimeout(() => this.end('missed'), Math.max(0, dial.sentAt + PUSH_WINDOW_MS - now));
    this.signal.addEventListener('abort', () => clearTimeout(timer));
  }

  /** @param {import('./protocol/errors.js').Code} code why it rings no more */
  end(code) {
    this.#controller.abort(new WhisperError(code));
  }
}
