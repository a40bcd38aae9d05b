/**
 * Recovery code: 120 random bits and a checksum of 20, in letters and digits that are not taken for each other.
 * @module
 */

import { WhisperError } from './errors.js';

/** Crockford's base 32: without I, L, O and U. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** What people write instead. @type {Readonly<Record<string, string>>} */
const TAKEN_FOR = Object.freeze({ I: '1', L: '1', O: '0' });
const BITS = 5;
const RANDOM_BYTES = 15;
const RANDOM_SIGNS = (RANDOM_BYTES * 8) / BITS;
const CHECK_SIGNS = 4;

/** @returns {Promise<string>} a new code, in groups of four */
export async function newRecoveryCode() {
  const signs = spell(crypto.getRandomValues(new Uint8Array(RANDOM_BYTES)), RANDOM_SIGNS);
  return (signs + (await checksum(signs))).match(/.{4}/g)?.join('-') ?? '';
}

/**
 * Return a code as it is compared, however it was typed.
 * @param {string} typed
 * @returns {Promise<string>} without hyphens
 * @throws {WhisperError} `mistyped_code`: one of a million that were mistyped is not noticed
 */
export async function parseRecoveryCode(typed) {
  const bare = typed.toUpperCase().replace(/[\s\p{Pd}\p{Cf}]+/gu, '');
  const signs = [...bare].map((sign) => TAKEN_FOR[sign] ?? sign).join('');
  const random = signs.slice(0, RANDOM_SIGNS);
  if (signs.length !== RANDOM_SIGNS + CHECK_SIGNS || signs.slice(RANDOM_SIGNS) !== (await checksum(random))) throw new WhisperError('mistyped_code');
  return signs;
}

/** @param {string} signs */
async function checksum(signs) {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(`whisper-recovery/1 ${signs}`));
  return spell(new Uint8Array(hash), CHECK_SIGNS);
}

/**
 * @param {Uint8Array} bytes
 * @param {number} count of signs
 */
function spell(bytes, count) {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return Array.from({ length: count }, (_, at) => ALPHABET[Number.parseInt(bits.slice(at * BITS, (at + 1) * BITS), 2)]).join('');
}
