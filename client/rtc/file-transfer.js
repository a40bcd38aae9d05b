/**
 * File transfer over a dedicated data channel: header, acceptance, content, acknowledgement.
 * @module
 */

import { deferred } from '../promises.js';
import { WhisperError } from '../protocol/errors.js';
import { PART_BYTES, SealedChannel } from './sealed-channel.js';

/** The keys of the connection, and what may wait on it.
 * @typedef {{keys: import('../protocol/sealing.js').Keys, budget: import('./byte-budget.js').ByteBudget}} Seal
 */
/** @typedef {'waiting' | 'running' | 'done' | 'failed'} TransferState */

/** Chunks that wait in memory until they become one blob, which a browser may keep on disk. */
const CHUNKS_A_BLOB = 128;
const MAX_NAME = 255;
const METHOD = 'file';

/** One file on its way. Fires `progress` and `statechange`. */
export class Transfer extends EventTarget {
  #sealed;
  #blob;
  #offered = false;
  /** @type {import('../protocol/base64.js').Bytes[]} */ #chunks = [];
  /** @type {import('../promises.js').Deferred<Blob | undefined>} */ #outcome = deferred();

  /**
   * @param {'in' | 'out'} direction
   * @param {RTCDataChannel} channel
   * @param {Seal} seal
   * @param {Blob} blob
   */
  constructor(direction, channel, { keys, budget }, blob) {
    super();
    this.direction = direction;
    this.name = blob instanceof File ? blob.name : '';
    this.type = blob.type;
    this.size = blob.size;
    /** Bytes that have gone, or come. */
    this.transferred = 0;
    /** @type {TransferState} */
    this.state = 'waiting';
    this.#blob = blob;
    /** @type {Promise<Blob | undefined>} the blob when it has come, undefined when it has gone; rejects with a `WhisperError` */
    this.done = this.#outcome.promise;
    this.#sealed = new SealedChannel(channel, keys, { method: METHOD, budget, raw: true });
    this.#sealed.on('value', ({ value }) => this.#onValue(value));
    this.#sealed.on('bytes', (bytes) => this.#onBytes(bytes));
    this.#sealed.on('dropped', () => this.#end(new WhisperError('connection_lost')));
    this.#sealed.on('flooded', () => this.#end(new WhisperError('flooded')));
    this.#sealed.on('close', () => this.#end(new WhisperError('transfer_cancelled')));
  }

  /**
   * Offer a file.
   * @param {Blob} blob
   * @param {RTCDataChannel} channel
   * @param {Seal} seal
   * @returns {Transfer}
   */
  static offer(blob, channel, seal) {
    const transfer = new Transfer('out', channel, seal, blob);
    const { name, type, size } = transfer;
    channel.addEventListener('open', () => transfer.#sealed.send({ name, type, size }).catch((error) => transfer.#end(error)));
    return transfer;
  }

  /**
   * Wait for the header of a file that the other offers.
   * @param {RTCDataChannel} channel
   * @param {Seal} seal
   * @returns {Promise<Transfer>} rejects when the channel closes before
   */
  static async receiveOffer(channel, seal) {
    const transfer = new Transfer('in', channel, seal, new Blob());
    await Promise.race([new Promise((resolve) => transfer.addEventListener('offered', resolve, { once: true })), transfer.done]);
    return transfer;
  }

  /** Take what is offered: the bytes begin to come. */
  accept() {
    if (this.direction !== 'in' || this.state !== 'waiting') return;
    this.#become('running');
    this.#sealed.send({ accepted: true }).catch((error) => this.#end(error));
    this.#finish();
  }

  /** Refuse it, or stop it; the other is told. */
  cancel() {
    this.#end(new WhisperError('transfer_cancelled'));
  }

  /** The connection is gone for good. */
  lose() {
    this.#end(new WhisperError('connection_lost'));
  }

  /** @param {any} value */
  #onValue(value) {
    if (this.direction === 'out') {
      if (value?.accepted === true && this.state === 'waiting') this.#run().catch((error) => this.#end(error));
      else if (value?.received === this.size && this.#hasSentAll) this.#end(null);
    } else if (!this.#offered && Number.isSafeInteger(value?.size) && value.size >= 0) {
      this.#offered = true; // what the person was asked about does not change
      this.name = text(value.name);
      this.type = text(value.type);
      this.size = value.size;
      this.dispatchEvent(new Event('offered'));
    }
  }

  async #run() {
    this.#become('running');
    for (let at = 0; at < this.size && this.state === 'running'; at += PART_BYTES) {
      const bytes = new Uint8Array(await this.#blob.slice(at, at + PART_BYTES).arrayBuffer());
      await this.#sealed.sendBytes(bytes);
      this.#advance(bytes.length);
    }
  }

  /** @returns {boolean} before that, nobody can have received it */
  get #hasSentAll() {
    return this.state === 'running' && this.transferred === this.size;
  }

  /** @param {import('../protocol/base64.js').Bytes} bytes */
  #onBytes(bytes) {
    if (this.direction !== 'in' || this.state !== 'running') return;
    if (bytes.length === 0 || this.transferred + bytes.length > this.size) return this.cancel(); // no program of ours sends that
    this.#chunks.push(bytes);
    if (this.#chunks.length >= CHUNKS_A_BLOB) this.#gather();
    this.#advance(bytes.length);
    this.#finish();
  }

  #gather() {
    this.#blob = new Blob([this.#blob, ...this.#chunks.splice(0)], { type: this.type });
  }

  #finish() {
    if (this.transferred < this.size) return;
    this.#gather();
    this.#sealed.send({ received: this.size }).then(() => this.#end(null), (error) => this.#end(error));
  }

  /** @param {number} bytes */
  #advance(bytes) {
    this.transferred += bytes;
    this.dispatchEvent(new Event('progress'));
  }

  /** @param {WhisperError | null} error */
  #end(error) {
    if (this.state === 'done' || this.state === 'failed') return;
    if (error || this.direction === 'out') this.#sealed.close();
    this.#become(error ? 'failed' : 'done');
    if (error) this.#outcome.reject(error);
    else this.#outcome.resolve(this.direction === 'in' ? this.#blob : undefined);
  }

  /** @param {TransferState} state */
  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event('statechange'));
  }
}

/** @param {unknown} value of a stranger's header */
function text(value) {
  return typeof value === 'string' ? value.slice(0, MAX_NAME) : '';
}
