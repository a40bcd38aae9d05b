/**
 * Canonical standard base64 with padding: one value has one spelling.
 * @module
 */

/** Bytes that are not shared with another thread, as WebCrypto wants them.
 * @typedef {Uint8Array<ArrayBuffer>} Bytes
 */

const CHUNK = 0x8000; // arguments that a function call can take

/**
 * @param {ArrayBuffer | Bytes} data
 * @returns {string}
 */
export function encode(data) {
  const bytes = new Uint8Array(data);
  let text = '';
  for (let at = 0; at < bytes.length; at += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  }
  return btoa(text);
}

/**
 * @param {string} text
 * @param {number} [size] the bytes there must be
 * @returns {Bytes}
 * @throws {RangeError} unless it is canonical, and of that size
 */
export function decode(text, size) {
  const bytes = lenient(text);
  if (encode(bytes) !== text) throw new RangeError('not canonical base64');
  if (size !== undefined && bytes.length !== size) throw new RangeError(`${bytes.length} bytes, not ${size}`);
  return bytes;
}

/**
 * Read a key as browsers and VAPID spell it: unpadded base64url.
 * @param {string} text
 * @returns {Bytes}
 */
export function decodeUrl(text) {
  return lenient(text.replaceAll('-', '+').replaceAll('_', '/'));
}

/**
 * @param {string} text
 * @returns {Bytes}
 */
function lenient(text) {
  try {
    return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  } catch {
    throw new RangeError('not base64');
  }
}
