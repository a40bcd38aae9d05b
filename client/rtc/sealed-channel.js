/**
 * Sealed JSON values over one data channel, in order and of any size.
 *
 * Text is one sealed value. A value that is too large for one frame goes as binary frames, each a sealed part of its JSON.
 * @module
 */

import { Dropped, WhisperError } from '../protocol/errors.js';
import { pause } from '../promises.js';
import { decrypt, encrypt, fromJson, seal, toJson, unseal } from '../protocol/sealing.js';

/** @typedef {import('../protocol/base64.js').Bytes} Bytes */
/** @typedef {import('../protocol/sealing.js').Keys} Keys */

/** Of a frame that comes: the largest value that is sealed whole, in base64, has less. */
const MAX_FRAME_BYTES = 128 * 1024;
/** Of frames that wait to be opened, with what each costs us; a data channel has no brake for a flood. */
const MAX_UNHEARD_BYTES = 64 * 1024 * 1024;
const FRAME_COSTS_BYTES = 1024;
/** JSON of one frame: every WebRTC implementation takes 64 KiB; base64 makes four bytes of three, and the seal needs 29. */
const MAX_WHOLE_BYTES = 48_000;
/** Of one part, which is not spelled in base64. */
export const PART_BYTES = 60_000;
/** The largest value that is taken: it waits in memory until its last part is here. */
export const MAX_VALUE_BYTES = 16 * 1024 * 1024;
/** Parts of one value; many small ones would take more memory than they carry. */
const MAX_PARTS = 4096;
/** Bytes that may wait to be sent before `send` waits as well. */
const MAX_UNSENT_BYTES = 1024 * 1024;
/** A connection that is closed from here tells its channels nothing. */
const LOOK_MS = 1000;

const MORE = 3;
const LAST = 4;

/** What a channel tells whoever holds it.
 * @typedef {object} Ears
 * @property {(value: any, bytes: number) => void} value with about the bytes it came in
 * @property {(bytes: Bytes) => void} [bytes] takes binary frames instead of joining them to values
 * @property {(reason: 'broken_seal') => void} dropped
 * @property {() => void} close
 */

/** One data channel; *method* is what its values are sealed as. */
export class SealedChannel {
  #channel;
  #keys;
  #method;
  #ears;
  #sending = Promise.resolve();
  #hearing = Promise.resolve();
  /** @type {Bytes[]} */ #parts = [];
  #joined = 0;
  #unheard = 0;

  /**
   * @param {RTCDataChannel} channel
   * @param {Keys} keys
   * @param {string} method
   * @param {Ears} ears
   */
  constructor(channel, keys, method, ears) {
    this.#channel = channel;
    this.#keys = keys;
    this.#method = method;
    this.#ears = ears;
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = MAX_UNSENT_BYTES / 4;
    channel.addEventListener('message', ({ data }) => this.#inTurn(data));
    /** Settled when it is closed, and all that came was heard. */
    this.closed = new Promise((resolve) => {
      channel.addEventListener('close', () => resolve(this.#hearing.then(ears.close)));
    });
  }

  /** @returns {boolean} */
  get open() {
    return this.#channel.readyState === 'open';
  }

  /**
   * Seal a value and send it, after those before it.
   * @param {unknown} value
   * @returns {Promise<void>} settled when it is on its way
   * @throws {WhisperError} `not_json`, `message_too_large`, or `not_connected`
   */
  send(value) {
    const json = toJson(value); // now: the caller may change it while it waits
    if (json.length > MAX_VALUE_BYTES) throw new WhisperError('message_too_large');
    return this.#queue(() => (json.length > MAX_WHOLE_BYTES ? this.#sendParts(json) : this.#sendWhole(json)));
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
    const frame = await seal(this.#method, value, this.#keys.outgoing);
    return () => {
      if (this.open) this.#channel.send(frame);
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
    await this.#put(await seal(this.#method, fromJson(json), this.#keys.outgoing));
  }

  /** @param {Bytes} json */
  async #sendParts(json) {
    for (let at = 0; at < json.length; at += PART_BYTES) {
      const end = at + PART_BYTES;
      await this.#sendPart(end < json.length ? MORE : LAST, json.slice(at, end));
    }
  }

  /**
   * @param {number} format
   * @param {Bytes} bytes
   */
  async #sendPart(format, bytes) {
    await this.#put(await encrypt(this.#method, format, bytes, this.#keys.outgoing));
  }

  /** @param {string | Bytes} frame */
  async #put(frame) {
    await this.#room();
    try {
      this.#channel.send(/** @type {any} */ (frame));
    } catch (cause) {
      throw new WhisperError('not_connected', { cause });
    }
  }

  /** Wait until less is on its way than may be. */
  async #room() {
    while (this.open && this.#channel.bufferedAmount > MAX_UNSENT_BYTES) {
      const waited = new AbortController();
      const sent = new Promise((resolve) => {
        for (const name of ['bufferedamountlow', 'close']) this.#channel.addEventListener(name, resolve, { signal: waited.signal });
      });
      await Promise.race([sent, pause(LOOK_MS)]);
      waited.abort();
    }
    if (!this.open) throw new WhisperError('not_connected');
  }

  /** @param {string | ArrayBuffer} data */
  #inTurn(data) {
    const size = typeof data === 'string' ? data.length : data.byteLength;
    if (size > MAX_FRAME_BYTES || this.#unheard > MAX_UNHEARD_BYTES) return this.close(); // nobody of ours sends that
    this.#unheard += size + FRAME_COSTS_BYTES;
    this.#hearing = this.#hearing
      .then(() => (typeof data === 'string' ? this.#hearWhole(data) : this.#hearPart(new Uint8Array(data))))
      .catch((error) => (error instanceof Dropped ? this.#ears.dropped('broken_seal') : reportError(error)))
      .then(() => void (this.#unheard -= size + FRAME_COSTS_BYTES));
  }

  /** @param {string} text */
  async #hearWhole(text) {
    this.#ears.value(await unseal(this.#method, text, this.#keys.incoming), text.length);
  }

  /** @param {Bytes} frame */
  async #hearPart(frame) {
    const { format, content } = await decrypt(this.#method, frame, this.#keys.incoming).catch(() => ({ format: 0, content: frame }));
    if (format !== MORE && format !== LAST) throw new Dropped('broken_seal');
    if (this.#ears.bytes) return this.#ears.bytes(content);
    const tooMuch = this.#joined + content.length > MAX_VALUE_BYTES || this.#parts.length >= MAX_PARTS;
    if (tooMuch) return this.close(); // nobody of ours sends that
    this.#parts.push(content);
    this.#joined += content.length;
    const bytes = this.#joined;
    if (format === LAST) this.#ears.value(this.#join(), bytes);
  }

  /** @returns {unknown} */
  #join() {
    const json = new Uint8Array(this.#joined);
    let at = 0;
    for (const part of this.#parts.splice(0)) {
      json.set(part, at);
      at += part.length;
    }
    this.#joined = 0;
    try {
      return fromJson(json);
    } catch {
      throw new Dropped('broken_seal');
    }
  }
}
