/**
 * File transfer over a dedicated data channel: header, acceptance, content, acknowledgement; it goes on over the next connection.
 * @module
 */

import { deferred } from '../promises.js';
import { WhisperError } from '../protocol/errors.js';
import { isOffset, openFileChannel } from './file-offer.js';
import { FileSink } from './file-sink.js';
import { PART_BYTES } from './sealed-channel.js';

/** @typedef {import('./sealed-channel.js').SealedChannel} SealedChannel */

/** @typedef {import('./file-offer.js').Carrier} Carrier */
/** @typedef {import('./file-offer.js').Header} Header */
/** @typedef {'waiting' | 'running' | 'done' | 'failed'} TransferState */

/** A channel closes a moment before its connection is known to be lost. */
const LOSS_MS = 1000;
/** Bytes that may wait for the disk. */
const MAX_WAITING_BYTES = 256 * 1024 * 1024;

/** Transfer of one file. Fires `progress` and `statechange`. */
export class Transfer extends EventTarget {
  /** @type {SealedChannel | undefined} */ #sealed;
  /** Ends with the channel. */ #bound = new AbortController();
  /** @type {AbortSignal | undefined} of the channel by which the bytes go */ #runs;
  /** @type {Blob | undefined} */ #blob;
  /** @type {FileSink | undefined} */ #sink;
  /** @type {import('../promises.js').Deferred<Blob | undefined>} */ #outcome = deferred();

  /**
   * @param {'in' | 'out'} direction
   * @param {Header} header
   * @param {Blob} [blob] that is sent
   */
  constructor(direction, { name, type, size, id }, blob) {
    super();
    this.direction = direction;
    this.name = name;
    this.type = type;
    this.size = size;
    this.id = id;
    /** Bytes that have gone, or come. */
    this.transferred = 0;
    /** @type {TransferState} */
    this.state = 'waiting';
    /** Over how many channels it went. */
    this.bindings = 0;
    this.#blob = blob;
    /** @type {Promise<Blob | undefined>} the blob when it has come, undefined when it has gone; rejects with a `WhisperError` */
    this.done = this.#outcome.promise;
  }

  /**
   * Go over *channel*, and over no other any more.
   * @param {RTCDataChannel} channel
   * @param {Carrier} carrier
   * @param {SealedChannel} [sealed] the same, if it has been read before
   */
  bind(channel, carrier, sealed = openFileChannel(channel, carrier)) {
    this.bindings += 1;
    this.#bound.abort();
    this.#bound = new AbortController();
    const { signal } = this.#bound;
    this.#sealed = sealed;
    sealed.on('value', ({ value }) => this.#onValue(value), signal);
    sealed.on('bytes', (bytes) => this.#onBytes(bytes), signal);
    sealed.on('dropped', () => this.#end(new WhisperError('connection_lost')), signal);
    sealed.on('flooded', () => this.#end(new WhisperError('flooded')), signal);
    sealed.on('close', () => setTimeout(() => signal.aborted || (carrier.isOpen() && this.cancel()), LOSS_MS), signal);
    if (this.direction === 'in' && this.state === 'running') this.#tell({ accepted: true, from: this.transferred });
    if (this.direction === 'in') return;
    const offer = () => this.#tell({ name: this.name, type: this.type, size: this.size, id: this.id });
    if (sealed.isOpen) offer();
    else channel.addEventListener('open', offer, { signal });
  }

  /** Take what is offered: the bytes begin to come. */
  accept() {
    if (this.direction !== 'in' || this.state !== 'waiting') return;
    this.#sink = new FileSink(this.size, this.type);
    this.#become('running');
    this.#tell({ accepted: true });
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

  /** @param {unknown} value what the other side needs to know; a connection that is lost does not carry it */
  #tell(value) {
    this.#sealed?.send(value).catch(() => undefined);
  }

  /** @param {any} value */
  #onValue(value) {
    if (this.direction !== 'out') return; // what the person was asked about does not change
    const from = value?.from ?? 0;
    if (value?.accepted === true && isOffset(from, this.transferred)) this.#run(from, this.#bound.signal).catch((error) => this.#end(error));
    else if (value?.received === this.size && this.#hasSentAll) this.#end(null);
  }

  /**
   * @param {number} from
   * @param {AbortSignal} replaced by another channel
   */
  async #run(from, replaced) {
    if (this.#runs === replaced) return; // they say it twice
    this.#runs = replaced;
    this.transferred = from;
    this.#become('running');
    const blob = this.#blob ?? new Blob();
    for (let at = from; at < this.size && this.state === 'running' && !replaced.aborted; at += PART_BYTES) {
      const bytes = new Uint8Array(await readPart(blob, at));
      const isSent = await this.#sealed?.sendBytes(bytes).then(() => true, () => false);
      if (!isSent || replaced.aborted) return; // the next channel goes on from where they are
      this.#advance(bytes.length);
    }
  }

  /** @returns {boolean} before that, nobody can have received it */
  get #hasSentAll() {
    return this.state === 'running' && this.transferred === this.size;
  }

  /** @param {import('../protocol/base64.js').Bytes} bytes */
  #onBytes(bytes) {
    if (this.direction !== 'in' || this.state !== 'running' || !this.#sink) return;
    if (bytes.length === 0 || this.transferred + bytes.length > this.size) return this.cancel(); // no program of ours sends that
    this.#sink.write(bytes);
    if (this.#sink.waiting > MAX_WAITING_BYTES) return this.#end(new WhisperError('flooded'));
    this.#advance(bytes.length);
    this.#finish();
  }

  #finish() {
    if (this.transferred < this.size || !this.#sink) return;
    this.#sink.finish().then(
      (blob) => {
        this.#blob = blob;
        this.#tell({ received: this.size });
        this.#end(null);
      },
      (cause) => this.#end(new WhisperError('storage', { cause })),
    );
  }

  /** @param {number} bytes */
  #advance(bytes) {
    this.transferred += bytes;
    this.dispatchEvent(new Event('progress'));
  }

  /** @param {WhisperError | null} error */
  #end(error) {
    if (this.state === 'done' || this.state === 'failed') return;
    if (error || this.direction === 'out') this.#sealed?.close();
    if (error) this.#sink?.discard();
    this.#become(error ? 'failed' : 'done');
    if (error) this.#outcome.reject(error);
    else this.#outcome.resolve(this.direction === 'in' ? this.#blob : undefined);
  }

  /** @param {TransferState} state */
  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new Event('statechange'));
  }
}

/**
 * @param {Blob} blob
 * @param {number} at
 */
async function readPart(blob, at) {
  try {
    return await blob.slice(at, at + PART_BYTES).arrayBuffer();
  } catch (cause) {
    throw new WhisperError('unreadable_file', { cause }); // it was changed or moved meanwhile
  }
}
