/**
 * Who rings at the moment, and how that ends.
 * @module
 */

import { DialEvent, MissedEvent } from './events.js';
import { Ringing } from './ringing.js';

/** @typedef {import('./protocol/messages.js').Call} Call */

/** What becomes of a dial.
 * @typedef {object} Hands
 * @property {() => number} now the server's time, ms
 * @property {(dial: Call, options?: import('./ringing.js').AcceptOptions) => Promise<import('./peer.js').Peer>} accept
 * @property {(dial: Call) => Promise<void>} decline
 * @property {(dial: Call, code?: string) => void} settled nobody need be asked about this dial any more; `code` says why
 * @property {(event: Event) => void} dispatch
 */

/** The dials that nobody has answered yet, one an address. */
export class Rings {
  #hands;
  /** @type {Map<string, Ringing>} */ #ringing = new Map();

  /** @param {Hands} hands */
  constructor(hands) {
    this.#hands = hands;
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
    const hands = this.#hands;
    const ringing = new Ringing(
      dial,
      hands.now(),
      (options) => {
        ringing.end('answered');
        return hands.accept(dial, options);
      },
      () => {
        ringing.end('declined');
        return hands.decline(dial);
      },
    );
    this.#ringing.set(dial.sender, ringing);
    ringing.signal.addEventListener('abort', () => this.#end(ringing));
    hands.dispatch(new DialEvent(ringing));
  }

  /**
   * The person has clicked on a notification: who rings is answered, who rang is dialled back.
   * @param {string} address
   */
  answer(address) {
    const ringing = this.#ringing.get(address);
    this.#hands.dispatch(ringing ? new DialEvent(ringing, true) : new MissedEvent(address, true));
  }

  /** @param {string} address whose call the person does not want, by the notification */
  decline(address) {
    void this.#ringing.get(address)?.decline().catch(() => undefined);
  }

  /** @param {Call} close of who hangs up before anybody has answered */
  hear(close) {
    const ringing = this.#ringing.get(close.sender);
    if (ringing && close.sentAt >= ringing.dial.sentAt) ringing.end('hung_up');
  }

  /** @param {string} signature of a dial that another page has dealt with */
  taken(signature) {
    const found = [...this.#ringing.values()].find((ringing) => ringing.dial.signature === signature);
    found?.end('taken');
  }

  /** Ring no more in this page. */
  stop() {
    for (const ringing of [...this.#ringing.values()]) ringing.end('cancelled');
  }

  /** @param {Ringing} ringing */
  #end({ dial, signal }) {
    if (this.#ringing.get(dial.sender)?.dial === dial) this.#ringing.delete(dial.sender);
    const { code } = signal.reason;
    this.#hands.settled(dial, code);
    if (code === 'missed' || code === 'hung_up') this.#hands.dispatch(new MissedEvent(dial.sender));
  }
}
