/**
 * Message types of the protocol: parsing, canonical JSON and acceptance rules, the pure twin of the server's `app/protocol`.
 * No network, no clock, no storage; docs/protocol.md is the norm.
 * @module
 */

import { decode } from './base64.js';
import { isKey } from './ed25519-points.js';
import { Dropped, WhisperError } from './errors.js';

/** How far a push may be from the server's time: it can take seconds where a request takes milliseconds. */
export const PUSH_WINDOW_MS = 60_000;

/** RFC 8291 leaves 3993 bytes of plaintext in the 4096-byte message that RFC 8030 promises. */
export const MAX_PLAINTEXT_BYTES = 3993;

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** 32 bytes in base64, with padding. */
const ADDRESS_LENGTH = 44;
/** White space, control characters, and those without a width: nobody sees that they were copied. */
const UNSEEN = /[\s\p{Cc}\p{Cf}]+/gu;
/** Quotes, brackets and punctuation of the text that an address was copied from. */
const AROUND = /^[\p{Ps}\p{Pi}\p{Pf}"'`<]+|[\p{Pe}\p{Pi}\p{Pf}"'`>.,;:]+$/gu;

/** @typedef {'dial' | 'offer' | 'answer' | 'ice' | 'close'} Method */

/** @type {Readonly<Record<Method, readonly string[]>>} the members that each method's data has, in order */
const MEMBERS = Object.freeze({
  dial: ['a', 'b', 'c', 'd'],
  offer: ['a', 'b', 'c', 'd', 'e'],
  answer: ['a', 'b', 'c', 'd', 'e'],
  ice: ['a', 'b', 'c', 'd', 'e', 'f'],
  close: ['a', 'b', 'c'],
});

/**
 * A call to one recipient, its members by name.
 * @typedef {object} Call
 * @property {Method} method
 * @property {string} sender the address of who signed it
 * @property {number} sentAt ms since the Unix epoch, by the server's clock
 * @property {string} recipient an address
 * @property {string} encryptionKey the sender's X25519 key in base64; '' in a close
 * @property {string} payload sealed; '' in dial and close
 * @property {string} text exactly what was signed
 * @property {string} signature base64
 */

/** A push as the server makes it, `data` alone: method, signed text, signature.
 * @typedef {{a: string, b: string, c: string}} Push
 */

/**
 * Return the RFC 8785 text of a call's data: for its values, what `JSON.stringify` prints with the members in order.
 * @param {Record<string, unknown>} data
 * @returns {string}
 */
export function canonical(data) {
  return JSON.stringify(data, (_, value) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value,
  );
}

/**
 * @param {unknown} text
 * @returns {text is string} whether it spells an address: 32 bytes of canonical base64
 */
export function isAddress(text) {
  return isBase64(text, KEY_BYTES);
}

/**
 * Return the address that somebody typed or pasted, whatever came with it: white space, characters that are not seen, quotes, brackets,
 * the alphabet of URLs, or no padding.
 * @param {string} text
 * @returns {string}
 * @throws {WhisperError} `invalid_address`, saying what is wrong
 */
export function parseAddress(text) {
  const bare = String(text).replace(UNSEEN, '').replace(AROUND, '').replaceAll('-', '+').replaceAll('_', '/');
  const address = bare.length === ADDRESS_LENGTH - 1 && !bare.endsWith('=') ? `${bare}=` : bare;
  const fault = addressFault(address);
  if (fault) throw new WhisperError('invalid_address', { message: fault });
  return address;
}

/**
 * @param {string} text
 * @returns {string | undefined} why it is no address
 */
function addressFault(text) {
  if (text === '') return 'An address is needed.';
  if (!/^[A-Za-z0-9+/]*=*$/.test(text)) return 'An address has only letters, digits, +, / and = at its end.';
  if (text.length !== ADDRESS_LENGTH) return `An address has ${ADDRESS_LENGTH} characters, this has ${text.length}.`;
  if (!isBase64(text, KEY_BYTES) || !isKey(decode(text))) return 'There is a mistake in this address.';
  return undefined;
}

/**
 * Open a push: its shape, then its age, its recipient and its canonical text. The signature is for the caller to check.
 * @param {unknown} push
 * @param {string} me my address
 * @param {number} now the server's time, ms
 * @returns {Call}
 * @throws {Dropped}
 */
export function readPush(push, me, now) {
  const call = parse(push);
  if (Math.abs(now - call.sentAt) > PUSH_WINDOW_MS) throw new Dropped('stale');
  if (call.recipient !== me) throw new Dropped('not_for_me');
  return call;
}

/**
 * Return how many bytes too many a call's push would have, 0 when it fits.
 * @param {Method} method
 * @param {string} text
 * @param {string} signature
 * @returns {number}
 */
export function bytesOverLimit(method, text, signature) {
  const push = JSON.stringify({ data: { a: method, b: text, c: signature } });
  return Math.max(0, new TextEncoder().encode(push).length - MAX_PLAINTEXT_BYTES);
}

/**
 * Tell which of two addresses is lower: its bytes compared, as glare is resolved.
 * @param {string} one
 * @param {string} other
 * @returns {boolean} whether *one* is
 */
export function isLower(one, other) {
  const [left, right] = [decode(one, KEY_BYTES), decode(other, KEY_BYTES)];
  const at = left.findIndex((byte, index) => byte !== right[index]);
  return at !== -1 && Number(left[at]) < Number(right[at]);
}

/**
 * @param {unknown} push
 * @returns {Call}
 */
function parse(push) {
  const { a: method, b: text, c: signature } = /** @type {Partial<Push>} */ (push ?? {});
  if (!isMethod(method) || typeof text !== 'string' || !isBase64(signature, SIGNATURE_BYTES)) {
    throw new Dropped('not_a_call');
  }
  const data = parseData(text);
  const members = MEMBERS[method];
  const optional = method === 'ice' ? 1 : 0;
  const names = Object.keys(data);
  const complete = names.length >= members.length - optional && names.every((name, at) => name === members[at]);
  if (!complete || canonical(data) !== text) throw new Dropped('not_a_call');
  return named(method, data, text, signature);
}

/**
 * @param {Method} method
 * @param {Record<string, unknown>} data
 * @param {string} text
 * @param {string} signature
 * @returns {Call}
 */
function named(method, data, text, signature) {
  const { a: sender, b: sentAt, c: recipient, d: encryptionKey = '', e: payload = '', f } = data;
  const keyed = method === 'close' ? encryptionKey === '' : isBase64(encryptionKey, KEY_BYTES);
  const sealed = isBase64(payload) && (payload !== '') === MEMBERS[method].includes('e');
  const directed = f === undefined || f === 1 || f === 2;
  if (!isAddress(sender) || !isTime(sentAt) || !isAddress(recipient) || !keyed || !sealed || !directed) {
    throw new Dropped('not_a_call');
  }
  return { method, sender, sentAt, recipient, encryptionKey: String(encryptionKey), payload, text, signature };
}

/**
 * @param {string} text
 * @returns {Record<string, unknown>}
 */
function parseData(text) {
  try {
    const data = JSON.parse(text);
    if (data !== null && typeof data === 'object' && !Array.isArray(data)) return data;
  } catch {
    // Not JSON: the same to us as JSON of another shape.
  }
  throw new Dropped('not_a_call');
}

/**
 * @param {unknown} method
 * @returns {method is Method}
 */
function isMethod(method) {
  return typeof method === 'string' && Object.hasOwn(MEMBERS, method);
}

/**
 * @param {unknown} value
 * @returns {value is number}
 */
function isTime(value) {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/**
 * @param {unknown} text
 * @param {number} [size]
 * @returns {text is string}
 */
function isBase64(text, size) {
  try {
    return typeof text === 'string' && decode(text, size) !== undefined;
  } catch {
    return false;
  }
}
