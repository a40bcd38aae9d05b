/**
 * End-to-end encryption between two peers: key agreement, payloads of calls, values (docs/protocol.md, "Sealing").
 * @module
 */

import { decode, encode } from './base64.js';
import { Dropped, WhisperError } from './errors.js';

/** @typedef {import('./base64.js').Bytes} Bytes */

/** A few kB of SDP never needs more; a bomb of DEFLATE would. */
export const MAX_JSON_BYTES = 64 * 1024;

const NONCE_BYTES = 12; // NIST SP 800-38D, section 5.2.1.1
const HEADER_BYTES = 1 + NONCE_BYTES;
const PLAIN = 1;
const DEFLATED = 2;

const utf8 = new TextEncoder();

/** The two AES keys of a connection, one a direction.
 * @typedef {{outgoing: CryptoKey, incoming: CryptoKey}} Keys
 */

/** An X25519 key pair for one connection, and its public half in base64.
 * @typedef {{publicKey: string, privateKey: CryptoKey}} EncryptionKey
 */

/** @returns {Promise<EncryptionKey>} a new key, which can't be extracted */
export async function newEncryptionKey() {
  const pair = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey('X25519', false, ['deriveBits']));
  return { publicKey: encode(await crypto.subtle.exportKey('raw', pair.publicKey)), privateKey: pair.privateKey };
}

/**
 * Agree on the keys of a connection (X25519, RFC 7748; HKDF-SHA256, RFC 5869).
 * @param {CryptoKey} privateKey mine
 * @param {{address: string, encryptionKey: string}} me
 * @param {{address: string, encryptionKey: string}} them
 * @returns {Promise<Keys>}
 * @throws {Dropped} `broken_seal` when their key is of low order
 */
export async function deriveKeys(privateKey, me, them) {
  try {
    const theirs = await crypto.subtle.importKey('raw', decode(them.encryptionKey, 32), 'X25519', true, []);
    const secret = await crypto.subtle.deriveBits({ name: 'X25519', public: theirs }, privateKey, 256);
    if (new Uint8Array(secret).every((byte) => byte === 0)) throw new RangeError('the secret is zero');
    const material = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey']);
    return { outgoing: await directionKey(material, me, them), incoming: await directionKey(material, them, me) };
  } catch {
    throw new Dropped('broken_seal');
  }
}

/**
 * Seal a JSON value, deflated when that is shorter.
 * @param {string} method
 * @param {unknown} value
 * @param {CryptoKey} key
 * @returns {Promise<string>} base64
 * @throws {WhisperError} `not_json`, or `message_too_large` over 64 KiB of JSON
 */
export async function seal(method, value, key) {
  const plain = toJson(value);
  if (plain.length > MAX_JSON_BYTES) throw new WhisperError('message_too_large');
  const deflated = await pipe(plain, new CompressionStream('deflate-raw'), plain.length);
  const shorter = deflated !== null && deflated.length < plain.length;
  return encode(await encrypt(method, shorter ? DEFLATED : PLAIN, shorter ? deflated : plain, key));
}

/**
 * Open what was sealed as *method*.
 * @param {string} method
 * @param {string} sealed base64
 * @param {CryptoKey} key
 * @returns {Promise<unknown>}
 * @throws {Dropped} `broken_seal` for anything else
 */
export async function unseal(method, sealed, key) {
  try {
    const { format, content } = await decrypt(method, decode(sealed), key);
    const plain = format === DEFLATED ? await pipe(content, new DecompressionStream('deflate-raw'), MAX_JSON_BYTES) : content;
    if (plain === null || (format !== DEFLATED && format !== PLAIN)) throw new RangeError('no such format');
    return fromJson(plain);
  } catch {
    throw new Dropped('broken_seal');
  }
}

/**
 * Seal bytes: format | nonce | AES-256-GCM.
 * @param {string} method the additional data
 * @param {number} format one byte
 * @param {Bytes} content
 * @param {CryptoKey} key
 * @param {Bytes} nonce never use one twice
 * @returns {Promise<Bytes>}
 */
export async function encrypt(method, format, content, key, nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))) {
  const ciphertext = await crypto.subtle.encrypt(gcm(method, nonce), key, content);
  const sealed = new Uint8Array(HEADER_BYTES + ciphertext.byteLength);
  sealed[0] = format;
  sealed.set(nonce, 1);
  sealed.set(new Uint8Array(ciphertext), HEADER_BYTES);
  return sealed;
}

/**
 * Open sealed bytes. Rejects when they were not sealed so.
 * @param {string} method
 * @param {Bytes} sealed
 * @param {CryptoKey} key
 * @returns {Promise<{format: number, content: Bytes}>}
 */
export async function decrypt(method, sealed, key) {
  const nonce = sealed.slice(1, HEADER_BYTES);
  const plain = await crypto.subtle.decrypt(gcm(method, nonce), key, sealed.slice(HEADER_BYTES));
  return { format: Number(sealed[0]), content: new Uint8Array(plain) };
}

/**
 * @param {unknown} value
 * @returns {Bytes} its JSON in UTF-8
 * @throws {WhisperError} `not_json`
 */
export function toJson(value) {
  try {
    const text = JSON.stringify(value);
    if (text !== undefined) return utf8.encode(text);
  } catch (cause) {
    throw new WhisperError('not_json', { cause });
  }
  throw new WhisperError('not_json');
}

/**
 * @param {Bytes} plain
 * @returns {unknown}
 */
export function fromJson(plain) {
  return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(plain)); // a mark is no JSON
}

/**
 * @param {CryptoKey} material
 * @param {{address: string, encryptionKey: string}} sender
 * @param {{address: string, encryptionKey: string}} recipient
 */
function directionKey(material, sender, recipient) {
  const parts = [sender.address, recipient.address, sender.encryptionKey, recipient.encryptionKey].map((key) => decode(key, 32));
  const info = Uint8Array.from([...utf8.encode('whisper/1'), ...parts.flatMap((part) => [...part])]);
  const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info };
  return crypto.subtle.deriveKey(hkdf, material, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
}

/**
 * @param {string} method
 * @param {Bytes} nonce
 */
function gcm(method, nonce) {
  return { name: 'AES-GCM', iv: nonce, additionalData: utf8.encode(method) };
}

/**
 * Send *bytes* through a stream and collect at most *limit* bytes.
 * @param {Bytes} bytes
 * @param {CompressionStream | DecompressionStream} transform
 * @param {number} limit
 * @returns {Promise<Bytes | null>} null when there would be more
 */
async function pipe(bytes, transform, limit) {
  const collected = new Uint8Array(limit);
  let size = 0;
  const stream = new Blob([bytes]).stream().pipeThrough(/** @type {ReadableWritablePair} */ (transform));
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    if (size + next.value.length > limit) {
      await reader.cancel();
      return null;
    }
    collected.set(next.value, size);
    size += next.value.length;
  }
  return collected.slice(0, size);
}
