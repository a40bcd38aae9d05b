/**
 * Encryption key from a passphrase: PBKDF2-HMAC-SHA256 to AES-256-GCM, for whatever is sealed into a file.
 * @module
 */

/** @typedef {import('./protocol/base64.js').Bytes} Bytes */

/** As OWASP's password storage cheat sheet asks for: about half a second of a phone. */
export const ITERATIONS = 600_000;
/** More than that is no honest file, but minutes of a frozen page. */
const MAX_ITERATIONS = 10_000_000;

/**
 * @param {unknown} value as a file says it
 * @returns {value is number}
 */
export function isIterationCount(value) {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_ITERATIONS;
}

/** @returns {Bytes} for one file */
export function newSalt() {
  return crypto.getRandomValues(new Uint8Array(16));
}

/**
 * @param {string} secret
 * @param {Bytes} salt
 * @param {number} iterations
 * @returns {Promise<CryptoKey>} that can't be extracted
 */
export async function deriveKey(secret, salt, iterations) {
  const material = await crypto.subtle.importKey('raw', new TextEncoder().encode(secret.normalize('NFC')), 'PBKDF2', false, ['deriveKey']);
  const pbkdf2 = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations };
  return crypto.subtle.deriveKey(pbkdf2, material, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
}
