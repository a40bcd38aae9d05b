/**
 * Reconnection after a lost connection: ICE restart, then a new connection, then failure; and the reloads of the other's page.
 * @module
 */

import { Emitter } from '../emitter.js';
import { pause } from '../promises.js';
import { WhisperError } from '../protocol/errors.js';

/** ICE finds another way within this, or not at all. */
const RESTART_MS = 10_000;
/** Who gives way in a collision waits longer before ringing; so do both between two tries. */
const POLITE_MS = 5_000;
/** Then it is over. */
const RECONNECT_MS = 60_000;
/** A page that says goodbye may be a reload. */
const RELOAD_MS = 15_000;
/** From the dial of another window of ours to its connection, most often. */
const TAKEOVER_MS = 30_000;
/** Refusals that another dial does not change. */
const FINAL = ['declined', 'unknown_recipient', 'recipient_gone'];

/**
 * Reconnection of one peer. Fires `over` with the reason when it has failed.
 * @extends {Emitter<{over: WhisperError}>}
 */
export class Reconnection extends Emitter {
  #redial;
  #outage = 0;
  #takeoverAt = -Infinity;
  #stopped = new AbortController();
  /** Whether their page has said goodbye, and may come back. */
  isLeaving = false;

  /** @param {(signal: AbortSignal) => Promise<unknown>} redial until the signal says that nobody wants it any more */
  constructor(redial) {
    super();
    this.#redial = redial;
  }

  /**
   * Nothing comes any more: try another way, then another connection, then give up.
   * @param {import('./connection.js').Connection} connection
   */
  async onDown({ session: { isPolite }, rtc }) {
    const outage = (this.#outage += 1); // a later one has its own tries
    const isLost = () => outage === this.#outage && !this.isLeaving && !this.#stopped.signal.aborted;
    const deadline = performance.now() + RECONNECT_MS;
    if (!isPolite) rtc?.restartIce();
    await pause(RESTART_MS + (isPolite ? POLITE_MS : 0));
    while (isLost() && performance.now() < deadline) {
      const failure = await this.#redial(this.#stopped.signal).then(() => null, (error) => error);
      if (FINAL.includes(failure?.code) && isLost()) return this.emit('over', failure.code === 'declined' ? new WhisperError('hung_up') : failure);
      await pause(POLITE_MS);
    }
    if (isLost()) this.emit('over', new WhisperError('connection_lost'));
  }

  /** Their page has said goodbye: it is closed, or comes back and dials. */
  async onLeaving() {
    this.isLeaving = true;
    const outage = (this.#outage += 1);
    await pause(RELOAD_MS);
    if (outage === this.#outage) this.onGone();
  }

  /** They hang up, perhaps after a goodbye: then their page was closed, and not reloaded. */
  onGone() {
    if (this.isLeaving) this.emit('over', new WhisperError('hung_up'));
  }

  /** Packets come again, over this connection or another. */
  onFound() {
    this.#outage += 1;
    this.isLeaving = false;
  }

  /** Another window of ours dials, and will be connected instead. */
  expectTakeover() {
    this.#takeoverAt = performance.now();
  }

  /**
   * @param {WhisperError | null} error why it ends, as far as the connection knows
   * @returns {WhisperError | null} why it ends
   */
  explain(error) {
    const isTakenOver = error !== null && performance.now() - this.#takeoverAt < TAKEOVER_MS;
    return isTakenOver ? new WhisperError('taken_over', { cause: error }) : error;
  }

  /** Nobody wants it back any more. */
  stop() {
    this.#stopped.abort();
  }
}
