/**
 * Encrypted data channel: sealed JSON values in order and of any size.
 *
 * Text is one sealed value. Bytes, and a value that is too large for one frame, go as binary frames, each a sealed part.
 * @module
 */

import { Emitter } from '../emitter.js';
import { pause } from '../promises.js';
import { Dropped, WhisperError } from '../protocol/errors.js';
import { decrypt, encrypt, fromJson, seal, toJson, unseal } from '../protocol/sealing.js';
import { LAST, LAST_BYTES, MORE, MORE_BYTES, PartAssembler, isLast } from './part-assembler.js';

/** @typedef {import('../protocol/base64.js').Bytes} Bytes */
/** @typedef {import('../protocol/sealing.js').Keys} Keys */
/** @typedef {import('./byte-budget.js').ByteBudget} ByteBudget */

/** Of a frame that comes: the largest value that is sealed whole, in base64, has less. */
const MAX_FRAME_BYTES = 128 * 1024;
/** JSON of one frame: every WebRTC implementation takes 64 KiB; base64 makes four bytes of three, and the seal needs 29. */
const MAX_WHOLE_BYTES = 48_000;
/** Of one part, which is not spelled in base64. */
export const PART_BYTES = 60_000;
/** The largest value that is taken: it waits in memory until its last part is here. */
export const MAX_VALUE_BYTES = 16 * 1024 * 1024;
/** Bytes that may wait to be sent before `send` waits as well. */
const MAX_UNSENT_BYTES = 1024 * 1024;
/** A connection that is closed from here tells its channels nothing. */
const LOOK_MS = 1000;

/** The method that values are sealed as, the connection's budget, and whether binary frames are bytes, and no parts of values.
 * @typedef {{method: string, budget: ByteBudget, maxValueBytes?: number, raw?: boolean}} ChannelOptions
 */

/**
 * Encrypted data channel. Fires `value` with about the bytes it came in, `bytes` for a raw frame, `dropped`, `flooded` when the other
 * sends what nobody of ours sends, and `close`.
 * @extends {Emitter<{value: {value: any, bytes: number}, bytes: Bytes, dropped: 'broken_seal', flooded: null, close: null}>}
 */
export class SealedChannel extends Emitter {
  #channel;
  #keys;
  #options;
  #sending = Promise.resolve();
  #receiving = Promise.resolve();
  #assembler;

  /**
   * @param {RTCDataChannel} channel
   * @param {Keys} keys
   * @param {ChannelOptions} options
   */
  constructor(channel, keys, options) {
    super();
    this.#channel = channel;
    this.#keys = keys;
    this.#options = options;
    this.#assembler = new PartAssembler(options.budget, options.maxValueBytes ?? MAX_VALUE_BYTES);
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = MAX_UNSENT_BYTES / 4;
    channel.addEventListener('message', ({ data }) => this.#onFrame(data));
    /** Settled when it is closed, and all that came was heard. */
    this.closed = new Promise((resolve) => {
      channel.addEventListener('close', () => resolve(this.#receiving.then(() => this.emit('close', null))));
    });
  }

  /** @returns {boolean} */
  get isOpen() {
    return this.#channel.readyState === 'open';
  }

  /**
   * Seal a value and send it, after those before it.
   * @param {unknown} value JSON, or a `Uint8Array`, which nobody changes any more
   * @returns {Promise<void>} settled when it is on its way
   * @throws {WhisperError} `not_json`, `message_too_large`, or `not_connected`
   */
  send(value) {
    const isBytes = value instanceof Uint8Array;
    const content = isBytes ? /** @type {Bytes} */ (value) : toJson(value); // now: the caller may change it while it waits
    if (content.length > MAX_VALUE_BYTES) throw new WhisperError('message_too_large');
    if (isBytes) return this.#queue(() => this.#sendParts(content, MORE_BYTES, LAST_BYTES));
    return this.#queue(() => (content.length > MAX_WHOLE_BYTES ? this.#sendParts(content, MORE, LAST) : this.#sendWhole(content)));
  }

  /**
   * Seal bytes and send them as one binary frame.
   * @param {Bytes} bytes at most `PART_BYTES`
   */
  sendBytes(bytes) {
    return this.#queue(() => this.#sendPart(LAST, bytes));
  }

  /**
   * Seal a value now, to send it at a moment that can't wait.
   * @param {unknown} value
   * @returns {Promise<() => void>}
   */
  async prepare(value) {
    const frame = await seal(this.#options.method, value, this.#keys.outgoing);
    return () => {
      if (this.isOpen) this.#channel.send(frame);
    };
  }

  /** Close, after what was sent. */
  close() {
    this.#channel.close();
  }

  /**
   * @param {() => Promise<void>} send
   * @returns {Promise<void>}
   */
  #queue(send) {
    const sent = this.#sending.then(send);
    this.#sending = sent.catch(() => undefined); // told to whoever sent it
    return sent;
  }

  /** @param {Bytes} json */
  async #sendWhole(json) {
    await this.#put(await seal(this.#options.method, fromJson(json), this.#keys.outgoing));
  }

  /**
   * @param {Bytes} content
   * @param {number} more the format of every part but the last
   * @param {number} last
   */
  async #sendParts(content, more, last) {
    let at = 0;
    for (; at + PART_BYTES < content.length; at += PART_BYTES) await this.#sendPart(more, content.slice(at, at + PART_BYTES));
    await this.#sendPart(last, content.slice(at));
  }

  /**
   * @param {number} format
   * @param {Bytes} bytes
   */
  async #sendPart(format, bytes) {
    await this.#put(await encrypt(this.#options.method, format, bytes, this.#keys.outgoing));
  }

  /** @param {string | Bytes} frame */
  async #put(frame) {
    await this.#drain();
    try {
      this.#channel.send(/** @type {any} */ (frame));
    } catch (cause) {
      throw new WhisperError('not_connected', { cause });
    }
  }

  /** Wait until less is on its way than may be. */
  async #drain() {
    while (this.isOpen && this.#channel.bufferedAmount > MAX_UNSENT_BYTES) {
      const waited = new AbortController();
      const sent = new Promise((resolve) => {
        for (const name of ['bufferedamountlow', 'close']) this.#channel.addEventListener(name, resolve, { signal: waited.signal });
      });
      await Promise.race([sent, pause(LOOK_MS)]);
      waited.abort();
    }
    if (!this.isOpen) throw new WhisperError('not_connected');
  }

  /** @param {string | ArrayBuffer} data one frame; each has its turn */
  #onFrame(data) {
    const size = typeof data === 'string' ? data.length : data.byteLength;
    if (size > MAX_FRAME_BYTES || !this.#options.budget.take(size)) return this.#flood();
    this.#receiving = this.#receiving
      .then(() => (typeof data === 'string' ? this.#onWhole(data) : this.#onPart(new Uint8Array(data))))
      .catch((error) => (error instanceof Dropped ? this.emit('dropped', 'broken_seal') : reportError(error)))
      .then(() => this.#options.budget.give(size));
  }

  #flood() {
    this.close();
    this.emit('flooded', null);
  }

  /** @param {string} text */
  async #onWhole(text) {
    this.emit('value', { value: await unseal(this.#options.method, text, this.#keys.incoming), bytes: text.length });
  }

  /** @param {Bytes} frame */
  async #onPart(frame) {
    const { format, content } = await decrypt(this.#options.method, frame, this.#keys.incoming).catch(() => ({ format: 0, content: frame }));
    if (this.#options.raw && (format === MORE || format === LAST)) return this.emit('bytes', content);
    if (!this.#assembler.add(format, content)) return this.#flood();
    if (isLast(format)) this.emit('value', this.#assembler.take());
  }
}
