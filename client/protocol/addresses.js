/**
 * Addresses: 32 bytes of canonical base64, as they are compared, and as people paste them.
 * @module
 */

import { decode } from './base64.js';
import { isKey } from './ed25519-points.js';
import { WhisperError } from './errors.js';

export const KEY_BYTES = 32;

/** 32 bytes in base64, with padding. */
const ADDRESS_LENGTH = 44;
/** White space, control characters, and those without a width: nobody sees that they were copied. */
const UNSEEN = /[\s\p{Cc}\p{Cf}]+/gu;
/** Quotes, brackets and punctuation of the text that an address was copied from. */
const AROUND = /^[\p{Ps}\p{Pi}\p{Pf}"'`<]+|[\p{Pe}\p{Pi}\p{Pf}"'`>.,;:]+$/gu;

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
  const kind = faultOf(address);
  if (kind) throw new WhisperError('invalid_address', { message: FAULTS[kind](address.length), fault: { kind, length: address.length } });
  return address;
}

/** @type {Record<import('./errors.js').AddressFault['kind'], (length: number) => string>} */
const FAULTS = {
  missing: () => 'An address is needed.',
  characters: () => 'An address has only letters, digits, +, / and = at its end.',
  length: (length) => `An address has ${ADDRESS_LENGTH} characters, this has ${length}.`,
  mistake: () => 'There is a mistake in this address.',
};

/**
 * @param {string} text
 * @returns {import('./errors.js').AddressFault['kind'] | undefined} why it is no address
 */
function faultOf(text) {
  if (text === '') return 'missing';
  if (!/^[A-Za-z0-9+/]*=*$/.test(text)) return 'characters';
  if (text.length !== ADDRESS_LENGTH) return 'length';
  return isBase64(text, KEY_BYTES) && isKey(decode(text)) ? undefined : 'mistake';
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
 * @param {unknown} text
 * @param {number} [size]
 * @returns {text is string}
 */
export function isBase64(text, size) {
  try {
    return typeof text === 'string' && decode(text, size) !== undefined;
  } catch {
    return false;
  }
}
