/**
 * Copies of values to send: JSON that arrives as it is, or bytes.
 * @module
 */

import { WhisperError } from '../protocol/errors.js';
import { toExactJson } from '../protocol/json-values.js';
import { fromJson } from '../protocol/sealing.js';
import { MAX_VALUE_BYTES } from './sealed-channel.js';

/** @typedef {import('../protocol/base64.js').Bytes} Bytes */

const BUFFERS = ['[object ArrayBuffer]', '[object SharedArrayBuffer]'];

/**
 * Copy a value: its owner may change it while it waits.
 * @param {unknown} value JSON, an `ArrayBuffer`, a view of one, or a `Blob`
 * @returns {unknown} JSON, a `Uint8Array`, or a promise of one
 * @throws {WhisperError} `not_json` or `message_too_large`
 */
export function copyValue(value) {
  if (value instanceof Blob) return readInTurn(checkSize(value, value.size));
  const bytes = viewOf(value);
  if (bytes) return checkSize(bytes, bytes.length).slice();
  const json = toExactJson(value);
  return fromJson(checkSize(json, json.length));
}

/**
 * @param {unknown} value
 * @returns {Uint8Array | undefined} its bytes, if it has some; of whatever window
 */
function viewOf(value) {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (!BUFFERS.includes(Object.prototype.toString.call(value))) return undefined;
  return new Uint8Array(/** @type {ArrayBuffer} */ (value));
}

/**
 * @param {Blob} blob of whatever window: its own promises are not ours
 * @returns {Promise<Bytes>}
 */
function readInTurn(blob) {
  const read = readBlob(blob);
  read.catch(() => undefined); // told when its turn comes
  return read;
}

/** @param {Blob} blob */
async function readBlob(blob) {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (cause) {
    throw new WhisperError('unreadable_file', { cause });
  }
}

/**
 * @template T
 * @param {T} value
 * @param {number} size
 * @returns {T}
 */
function checkSize(value, size) {
  if (size > MAX_VALUE_BYTES) throw new WhisperError('message_too_large');
  return value;
}
