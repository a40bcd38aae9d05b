/**
 * Backups of an identity: its key, sealed under a passphrase or under a recovery code.
 * @module
 */

import { ITERATIONS, deriveKey, isIterationCount, newSalt } from './passphrase-key.js';
import { decode, encode } from './protocol/base64.js';
import { WhisperError } from './protocol/errors.js';
import { parseRecoveryCode } from './protocol/recovery-code.js';

/** @typedef {import('./protocol/base64.js').Bytes} Bytes */

/** The least of NIST SP 800-132: the 120 bits of a recovery code are what protects it, not the time of an attempt. */
const RECOVERY_ITERATIONS = 1_000;
export const KIND = 'whisper-identity/1';
const RECOVERY_KIND = 'whisper-recovery/1';

const utf8 = new TextEncoder();

/**
 * @param {string} address
 * @param {Bytes} pkcs8 the key
 * @param {string} passphrase
 * @returns {Promise<string>} JSON
 */
export async function writeBackup(address, pkcs8, passphrase) {
  return JSON.stringify(await seal(KIND, address, pkcs8, passphrase, ITERATIONS), null, 2);
}

/**
 * @param {string} address
 * @param {Bytes} pkcs8 the key
 * @param {string} code a recovery code
 * @returns {Promise<string>} JSON, short enough for a link
 */
export async function writeRecovery(address, pkcs8, code) {
  return JSON.stringify(await seal(RECOVERY_KIND, address, pkcs8, await parseRecoveryCode(code), RECOVERY_ITERATIONS));
}

/**
 * @param {string} text of either kind
 * @param {string} secret the passphrase or the recovery code
 * @returns {Promise<{address: string, pkcs8: Bytes, isRecovery: boolean}>}
 * @throws {WhisperError} `not_a_backup`, `wrong_passphrase`, `mistyped_code` or `wrong_code`
 */
export async function readBackup(text, secret) {
  const { kind, address, iterations, salt, iv, sealed } = parse(text);
  const isRecovery = kind === RECOVERY_KIND;
  const wrapping = await deriveKey(isRecovery ? await parseRecoveryCode(secret) : secret, salt, iterations);
  try {
    const pkcs8 = await crypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData: utf8.encode(address) }, wrapping, sealed);
    return { address, pkcs8: new Uint8Array(pkcs8), isRecovery };
  } catch (cause) {
    throw new WhisperError(isRecovery ? 'wrong_code' : 'wrong_passphrase', { cause });
  }
}

/**
 * @param {string} kind
 * @param {string} address
 * @param {Bytes} pkcs8
 * @param {string} secret
 * @param {number} iterations
 */
async function seal(kind, address, pkcs8, secret, iterations) {
  const salt = newSalt();
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const wrapping = await deriveKey(secret, salt, iterations);
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: utf8.encode(address) }, wrapping, pkcs8);
  return { kind, address, iterations, salt: encode(salt), iv: encode(iv), key: encode(sealed) };
}

/** @param {string} text */
function parse(text) {
  try {
    const { kind, address, iterations, salt, iv, key } = JSON.parse(text);
    if (![KIND, RECOVERY_KIND].includes(kind) || !isIterationCount(iterations)) throw new RangeError('another kind');
    decode(address, 32);
    return { kind, address, iterations, salt: decode(salt, 16), iv: decode(iv, 12), sealed: decode(key) };
  } catch (cause) {
    throw new WhisperError('not_a_backup', { cause });
  }
}
