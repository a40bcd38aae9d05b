/**
 * Identity: an Ed25519 key pair (RFC 8032), its signatures and its backup. The key is kept in IndexedDB and can't be extracted from there, not even by our own code.
 * A backup can therefore be made at one moment only: when the key is made.
 * @module
 */

import { decode, encode } from './protocol/base64.js';
import { isStrict } from './protocol/ed25519-points.js';
import { WhisperError } from './protocol/errors.js';
import { Store } from './store.js';

/** @typedef {import('./protocol/base64.js').Bytes} Bytes */

/** PBKDF2-HMAC-SHA256, as OWASP's password storage cheat sheet asks for: about half a second of a phone. */
const ITERATIONS = 600_000;
/** More than that is no honest backup, but minutes of a frozen page. */
const MAX_ITERATIONS = 10_000_000;
const KIND = 'whisper-identity/1';
const KEPT_AS = 'me';

const utf8 = new TextEncoder();

/** My address, and the key that signs for it. */
export class Identity {
  #key;

  /**
   * @param {string} address
   * @param {CryptoKey} key
   */
  constructor(address, key) {
    this.address = address;
    this.#key = key;
  }

  /**
   * @param {Store} [store]
   * @returns {Promise<Identity | undefined>} the one kept in this browser
   */
  static async load(store) {
    const kept = await (store ? load(store) : Store.use(load));
    return kept && new Identity(kept.address, kept.key);
  }

  /**
   * Return the identity of this browser, a new one if there is none: the same one in every window.
   * @param {Store} store
   * @returns {Promise<Identity>}
   */
  static async loadOrCreate(store) {
    const kept = await load(store);
    if (kept) return new Identity(kept.address, kept.key);
    const pair = await newKeyPair(false);
    const first = await store.getOrPut('identity', KEPT_AS, { address: await addressOf(pair), key: pair.privateKey });
    return new Identity(first.address, first.key);
  }

  /**
   * Make a new identity and keep it: it takes the place of another.
   * @param {{passphrase?: string, store?: Store}} [options] with a passphrase there is a backup
   * @returns {Promise<{identity: Identity, backup?: string}>}
   */
  static async create({ passphrase, store } = {}) {
    const pair = await newKeyPair(passphrase !== undefined);
    const address = await addressOf(pair);
    if (passphrase === undefined) return { identity: await save(address, pair.privateKey, store) };
    const secret = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey));
    const backup = await writeBackup(address, secret, passphrase);
    return { identity: await save(address, await importKey(secret), store), backup };
  }

  /**
   * Take an identity from a backup and keep it: it takes the place of another.
   * @param {string} backup
   * @param {string} passphrase
   * @param {{store?: Store}} [options]
   * @returns {Promise<Identity>}
   * @throws {WhisperError} `not_a_backup` or `wrong_passphrase`
   */
  static async restore(backup, passphrase, { store } = {}) {
    const { address, secret } = await readBackup(backup, passphrase);
    const key = await importKey(secret).catch((cause) => {
      throw new WhisperError('not_a_backup', { cause });
    });
    const restored = new Identity(address, key);
    if (!(await verify(address, KIND, await restored.sign(KIND)))) throw new WhisperError('not_a_backup');
    return save(address, key, store);
  }

  /**
   * @param {string} text
   * @returns {Promise<string>} the signature, base64
   */
  async sign(text) {
    return encode(await crypto.subtle.sign('Ed25519', this.#key, utf8.encode(text)));
  }
}

/**
 * Strict as the server is, where browsers are not: see docs/protocol.md, "Signature".
 * @param {string} address
 * @param {string} text
 * @param {string} signature base64
 * @returns {Promise<boolean>} whether *address* signed exactly *text*
 */
export async function verify(address, text, signature) {
  try {
    const [point, signed] = [decode(address, 32), decode(signature, 64)];
    if (!isStrict(point, signed)) return false;
    const key = await crypto.subtle.importKey('raw', point, 'Ed25519', false, ['verify']);
    return await crypto.subtle.verify('Ed25519', key, signed, utf8.encode(text));
  } catch {
    return false; // no point of the curve
  }
}

/**
 * @param {string} address
 * @param {CryptoKey} key
 * @param {Store} [store]
 */
async function save(address, key, store) {
  const put = (/** @type {Store} */ open) => open.put('identity', { address, key }, KEPT_AS);
  await (store ? put(store) : Store.use(put));
  return new Identity(address, key);
}

/** @param {Store} store */
function load(store) {
  return store.get('identity', KEPT_AS);
}

/**
 * @param {boolean} extractable
 * @returns {Promise<CryptoKeyPair>}
 */
function newKeyPair(extractable) {
  return /** @type {Promise<CryptoKeyPair>} */ (crypto.subtle.generateKey('Ed25519', extractable, ['sign', 'verify']));
}

/** @param {CryptoKeyPair} pair */
async function addressOf({ publicKey }) {
  return encode(await crypto.subtle.exportKey('raw', publicKey));
}

/** @param {Bytes} secret PKCS #8 */
function importKey(secret) {
  return crypto.subtle.importKey('pkcs8', secret, 'Ed25519', false, ['sign']);
}

/**
 * @param {string} address
 * @param {Bytes} secret
 * @param {string} passphrase
 */
async function writeBackup(address, secret, passphrase) {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const wrapping = await deriveKeyFromPassphrase(passphrase, salt, ITERATIONS);
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: utf8.encode(address) }, wrapping, secret);
  const backup = { kind: KIND, address, iterations: ITERATIONS, salt: encode(salt), iv: encode(iv), key: encode(sealed) };
  return JSON.stringify(backup, null, 2);
}

/**
 * @param {string} text
 * @param {string} passphrase
 * @returns {Promise<{address: string, secret: Bytes}>}
 */
async function readBackup(text, passphrase) {
  const { address, iterations, salt, iv, sealed } = parseBackup(text);
  const wrapping = await deriveKeyFromPassphrase(passphrase, salt, iterations);
  try {
    const additionalData = utf8.encode(address);
    const secret = await crypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData }, wrapping, sealed);
    return { address, secret: new Uint8Array(secret) };
  } catch (cause) {
    throw new WhisperError('wrong_passphrase', { cause });
  }
}

/** @param {string} text */
function parseBackup(text) {
  try {
    const { kind, address, iterations, salt, iv, key } = JSON.parse(text);
    const sound = Number.isInteger(iterations) && iterations >= 1 && iterations <= MAX_ITERATIONS;
    if (kind !== KIND || !sound) throw new RangeError('another kind');
    decode(address, 32);
    return { address, iterations, salt: decode(salt, 16), iv: decode(iv, 12), sealed: decode(key) };
  } catch (cause) {
    throw new WhisperError('not_a_backup', { cause });
  }
}

/**
 * @param {string} passphrase
 * @param {Bytes} salt
 * @param {number} iterations
 */
async function deriveKeyFromPassphrase(passphrase, salt, iterations) {
  const material = await crypto.subtle.importKey('raw', utf8.encode(passphrase.normalize('NFC')), 'PBKDF2', false, ['deriveKey']);
  const pbkdf2 = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations };
  return crypto.subtle.deriveKey(pbkdf2, material, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
}
