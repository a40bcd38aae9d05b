/**
 * Incoming calls that are unanswered, one an address, and their ends: answered, declined, missed.
 * @module
 */

import { Emitter } from './emitter.js';
import { WhisperError } from './protocol/errors.js';
import { PUSH_WINDOW_MS, isAnsweredElsewhere, isHangUp } from './protocol/messages.js';

/** @typedef {import('./protocol/messages.js').Call} Call */
/** @typedef {import('./peer.js').Peer} Peer */
/** @typedef {{stream?: MediaStream | null}} AcceptOptions */

/** Why a dial needs no answer any more.
 * @typedef {{dial: Call, code?: string}} Handled
 */

/** Dial that has not been answered yet; it ends by an answer, a hang-up, or its age. */
export class IncomingCall {
  #controller = new AbortController();
  #accept;
  #decline;

  /**
   * @param {Call} dial
   * @param {number} now the server's time, ms
   * @param {(options?: AcceptOptions) => Promise<Peer>} accept
   * @param {() => Promise<void>} decline
   */
  constructor(dial, now, accept, decline) {
    this.dial = dial;
    this.#accept = accept;
    this.#decline = decline;
    this.signal = this.#controller.signal;
    const timer = setTimeout(() => this.end('missed'), Math.max(0, dial.sentAt + PUSH_WINDOW_MS - now));
    this.signal.addEventListener('abort', () => clearTimeout(timer));
  }

  /**
   * @param {AcceptOptions} [options]
   * @returns {Promise<Peer>} connected
   */
  accept(options) {
    this.end('answered');
    return this.#accept(options);
  }

  /** Tell the caller that nobody will answer. */
  decline() {
    this.end('declined');
    return this.#decline();
  }

  /** @param {import('./protocol/errors.js').Code} code why it rings no more */
  end(code) {
    this.#controller.abort(new WhisperError(code));
  }
}

/**
 * Incoming calls that ring. Fires `ring`, `missed` and `answeredElsewhere` with the dial, `answered` when the person has clicked on a notification, and `handled`.
 * @extends {Emitter<{ring: IncomingCall, missed: Call, answeredElsewhere: Call, answered: {address: string, ring?: IncomingCall}, handled: Handled}>}
 */
export class IncomingCalls extends Emitter {
  #server;
  #accept;
  /** @type {Map<string, IncomingCall>} */ #ringing = new Map();

  /**
   * @param {import('./api-client.js').ApiClient} server
   * @param {(dial: Call, options?: AcceptOptions) => Promise<Peer>} accept
   */
  constructor(server, accept) {
    super();
    this.#server = server;
    this.#accept = accept;
  }

  /** @param {string} address */
  get(address) {
    return this.#ringing.get(address);
  }

  /** @param {Call} dial */
  begin(dial) {
    const before = this.#ringing.get(dial.sender);
    if (before?.dial.signature === dial.signature) return; // the worker told it, and the store as well
    before?.end('replaced');
    const accept = (/** @type {AcceptOptions | undefined} */ options) => this.#accept(dial, options);
    const ring = new IncomingCall(dial, this.#server.now(), accept, () => this.#refuse(dial));
    this.#ringing.set(dial.sender, ring);
    ring.signal.addEventListener('abort', () => this.#onEnd(ring));
    this.emit('ring', ring);
  }

  /**
   * The person has clicked on a notification: who rings is answered, who rang is dialled back.
   * @param {string} address
   */
  answer(address) {
    this.emit('answered', { address, ring: this.#ringing.get(address) });
  }

  /** @param {string} address whose call the person does not want, by the notification */
  decline(address) {
    void this.#ringing.get(address)?.decline().catch(() => undefined);
  }

  /** @param {Call} close of who hangs up before anybody has answered */
  onClose(close) {
    const ring = this.#ringing.get(close.sender);
    if (ring && isHangUp(close, ring.dial)) ring.end('hung_up');
  }

  /** @param {Call} close by which a device of ours, or the caller, tells that another device has answered */
  onAnsweredElsewhere(close) {
    const found = [...this.#ringing.values()].find(({ dial }) => isAnsweredElsewhere(close, dial));
    if (found) found.end('answered_elsewhere');
    else this.onClose(close); // of a dial that came here alone
  }

  /** @param {string} signature of a dial that another page has dealt with */
  onHandledElsewhere(signature) {
    const found = [...this.#ringing.values()].find((ring) => ring.dial.signature === signature);
    found?.end('taken');
  }

  /** Ring no more in this page. */
  stop() {
    for (const ring of [...this.#ringing.values()]) ring.end('cancelled');
  }

  /** @param {Call} dial */
  async #refuse(dial) {
    this.#server.silence(dial).catch(() => undefined);
    await this.#server.relay('close', dial.sender, { toDevice: dial.fromDevice });
  }

  /** @param {IncomingCall} ring */
  #onEnd({ dial, signal }) {
    if (this.#ringing.get(dial.sender)?.dial === dial) this.#ringing.delete(dial.sender);
    const { code } = signal.reason;
    this.emit('handled', { dial, code });
    if (code === 'missed' || code === 'hung_up') this.emit('missed', dial);
    else if (code === 'answered_elsewhere') this.emit('answeredElsewhere', dial);
  }
}
