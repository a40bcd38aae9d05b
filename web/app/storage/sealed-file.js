/**
 * Sealed file: a sequence of frames under a passphrase, each of which is sealed and opened alone, so that memory stays small.
 *
 * A line of JSON says how the key is derived. Then each frame is its length in four bytes and AES-256-GCM under that key. The nonce is
 * the frame's number and whether it is the last one (the STREAM construction): frames can't be left out, moved or cut off unnoticed.
 * @module
 */

import { ITERATIONS, deriveKey, isIterationCount, newSalt } from '../../client/passphrase-key.js';

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {'not_an_export' | 'wrong_passphrase' | 'damaged_export' | 'export_too_large'} Fault */

const KIND = 'whisper-export/1';
const MAX_HEADER_BYTES = 500;
const LENGTH_BYTES = 4;
const SALT_BYTES = 16;
const TAG_BYTES = 16;
const NEWLINE = 10;
/** A chat of the longest kind, in JSON. */
export const MAX_FRAME_BYTES = 64_000_000;
export const MAX_SEALED_FILE_BYTES = 2_000_000_000;

/** Error whose code has a text in every language. */
export class SealedFileError extends Error {
  /**
   * @param {Fault} code
   * @param {unknown} [cause]
   */
  constructor(code, cause) {
    super(code, { cause });
    this.code = code;
  }
}

/** Writer of a sealed file. The browser may move its parts from memory to a disk. */
export class SealedFileWriter {
  #key;
  #count = 0;
  /** @type {Blob[]} */ #parts;
  #size = 0;

  /**
   * @param {CryptoKey} key
   * @param {string} header
   */
  constructor(key, header) {
    this.#key = key;
    this.#parts = [new Blob([header])];
  }

  /**
   * @param {string} passphrase
   * @param {number} [iterations]
   * @returns {Promise<SealedFileWriter>}
   */
  static async create(passphrase, iterations = ITERATIONS) {
    const salt = newSalt();
    const header = JSON.stringify({ kind: KIND, iterations, salt: [...salt] });
    const writer = new SealedFileWriter(await deriveKey(passphrase, salt, iterations), `${header}\n`);
    await writer.add(new Uint8Array()); // tells a wrong passphrase from damage
    return writer;
  }

  /** @param {Bytes} frame */
  async add(frame) {
    await this.#seal(frame, false);
  }

  /** @returns {Promise<Blob>} */
  async end() {
    await this.#seal(new Uint8Array(), true);
    return new Blob(this.#parts);
  }

  /**
   * @param {Bytes} frame
   * @param {boolean} isLast
   */
  async #seal(frame, isLast) {
    const sealed = await crypto.subtle.encrypt(gcm(this.#count, isLast), this.#key, frame);
    const length = new DataView(new ArrayBuffer(LENGTH_BYTES));
    length.setUint32(0, sealed.byteLength);
    this.#count += 1;
    this.#size += LENGTH_BYTES + sealed.byteLength;
    if (frame.length > MAX_FRAME_BYTES || this.#size > MAX_SEALED_FILE_BYTES) throw new SealedFileError('export_too_large');
    this.#parts.push(new Blob([length.buffer, sealed]));
  }
}

/**
 * Read the frames of a sealed file, one after the other; the last one has come when the loop ends.
 * @param {Blob} file
 * @param {string} passphrase
 * @yields {Bytes}
 * @returns {AsyncGenerator<Bytes, void>}
 * @throws {SealedFileError}
 */
export async function* readSealedFile(file, passphrase) {
  if (file.size > MAX_SEALED_FILE_BYTES) throw new SealedFileError('export_too_large');
  const { salt, iterations, start } = await readHeader(file);
  const key = await deriveKey(passphrase, salt, iterations);
  for (let count = 0, at = start; ; count += 1) {
    const sealed = await readFrame(file, at);
    at += LENGTH_BYTES + sealed.byteLength;
    const isLast = at === file.size;
    const frame = await crypto.subtle.decrypt(gcm(count, isLast), key, sealed).catch((cause) => {
      throw new SealedFileError(count ? 'damaged_export' : 'wrong_passphrase', cause);
    });
    if (isLast) return;
    if (count) yield new Uint8Array(frame);
  }
}

/** @param {Blob} file */
async function readHeader(file) {
  const head = new Uint8Array(await file.slice(0, MAX_HEADER_BYTES).arrayBuffer());
  const end = head.indexOf(NEWLINE);
  try {
    const { kind, iterations, salt } = JSON.parse(new TextDecoder().decode(head.slice(0, end)));
    if (kind !== KIND || !isIterationCount(iterations) || salt.length !== SALT_BYTES) throw new RangeError('another kind');
    return { iterations, salt: Uint8Array.from(salt), start: end + 1 };
  } catch (cause) {
    throw new SealedFileError('not_an_export', cause);
  }
}

/**
 * @param {Blob} file
 * @param {number} at
 */
async function readFrame(file, at) {
  const head = await file.slice(at, at + LENGTH_BYTES).arrayBuffer();
  const length = head.byteLength === LENGTH_BYTES ? new DataView(head).getUint32(0) : 0;
  const isSound = length >= TAG_BYTES && length <= MAX_FRAME_BYTES + TAG_BYTES && at + LENGTH_BYTES + length <= file.size;
  if (!isSound) throw new SealedFileError('damaged_export');
  return file.slice(at + LENGTH_BYTES, at + LENGTH_BYTES + length).arrayBuffer();
}

/**
 * @param {number} count
 * @param {boolean} isLast
 * @returns {AesGcmParams}
 */
function gcm(count, isLast) {
  const iv = new Uint8Array(12);
  const view = new DataView(iv.buffer);
  view.setUint32(7, count);
  view.setUint8(11, Number(isLast));
  return { name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(KIND) };
}
