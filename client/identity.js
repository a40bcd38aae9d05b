/**
 * Identity: an Ed25519 key pair (RFC 8032), its signatures and its backup. The key is kept in IndexedDB and can't be extracted from there, not even by our own code.
 * A backup can therefore be made at one moment only: when the key is made.
 * @module
 */

import { KIND, readBackup, writeBackup, writeRecovery } from './identity-backup.js';
import { decode, encode } from './protocol/base64.js';
import { isStrict } from './protocol/ed25519-points.js';
import { WhisperError } from './protocol/errors.js';
import { newRecoveryCode } from './protocol/recovery-code.js';
import { Store } from './store.js';

/** @typedef {import('./protocol/base64.js').Bytes} Bytes */

const KEPT_AS = 'me';

const utf8 = new TextEncoder();

/** Identity as it is kept: the key, and the same sealed under a code that is kept nowhere.
 * @typedef {{address: string, key: CryptoKey, recovery?: string}} Kept
 */

/** Address of this person, and the key that signs for it. */
export class Identity {
  #key;

  /**
   * @param {Kept} kept
   * @param {string} [recoveryCode]
   */
  constructor({ address, key, recovery }, recoveryCode) {
    this.address = address;
    this.#key = key;
    /** The identity sealed under its recovery code: for a file or a link to another device. Nobody opens it without the code. */
    this.recovery = recovery;
    /** The recovery code, only in the window that has made the identity: it is kept nowhere. */
    this.recoveryCode = recoveryCode;
  }

  /**
   * @param {Store} [store]
   * @returns {Promise<Identity | undefined>} the one kept in this browser
   */
  static async load(store) {
    const kept = await (store ? load(store) : Store.use(load));
    return kept && new Identity(kept);
  }

  /**
   * Return the identity of this browser, a new one if there is none: the same one in every window.
   * @param {Store} store
   * @returns {Promise<Identity>}
   */
  static async loadOrCreate(store) {
    const kept = await load(store);
    if (kept) return new Identity(kept);
    const { made, code } = await make();
    const first = await store.getOrPut('identity', KEPT_AS, made);
    return new Identity(first, first.address === made.address ? code : undefined);
  }

  /**
   * Make a new identity and keep it: it takes the place of another.
   * @param {{passphrase?: string, store?: Store}} [options] with a passphrase there is a backup
   * @returns {Promise<{identity: Identity, backup?: string}>}
   */
  static async create({ passphrase, store } = {}) {
    const { made, code, backup } = await make(passphrase);
    return { identity: new Identity(await save(made, store), code), backup };
  }

  /**
   * Take an identity from a backup, or from what is sealed under its recovery code, and keep it: it takes the place of another.
   * @param {string} backup
   * @param {string} secret the passphrase or the recovery code
   * @param {{store?: Store}} [options]
   * @returns {Promise<Identity>}
   * @throws {WhisperError} `not_a_backup`, `wrong_passphrase`, `mistyped_code` or `wrong_code`
   */
  static async restore(backup, secret, { store } = {}) {
    const { address, pkcs8, isRecovery } = await readBackup(backup, secret);
    const key = await importKey(pkcs8).catch((cause) => {
      throw new WhisperError('not_a_backup', { cause });
    });
    const restored = new Identity({ address, key, ...(isRecovery && { recovery: backup }) });
    if (!(await verify(address, KIND, await restored.sign(KIND)))) throw new WhisperError('not_a_backup');
    await save({ address, key, recovery: restored.recovery }, store);
    return restored;
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
 * @param {Kept} made
 * @param {Store} [store]
 */
async function save(made, store) {
  const put = (/** @type {Store} */ open) => open.put('identity', made, KEPT_AS);
  await (store ? put(store) : Store.use(put));
  return made;
}

/**
 * Make a key pair, and seal the key while it can be read.
 * @param {string} [passphrase]
 * @returns {Promise<{made: Kept, code: string, backup?: string}>}
 */
async function make(passphrase) {
  const pair = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']));
  const address = encode(await crypto.subtle.exportKey('raw', pair.publicKey));
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey));
  const code = await newRecoveryCode();
  const recovery = await writeRecovery(address, pkcs8, code);
  const backup = passphrase === undefined ? undefined : await writeBackup(address, pkcs8, passphrase);
  const made = { address, key: await importKey(pkcs8), recovery };
  pkcs8.fill(0);
  return { made, code, backup };
}

/** @param {Store} store */
function load(store) {
  return store.get('identity', KEPT_AS);
}

/** @param {Bytes} secret PKCS #8 */
function importKey(secret) {
  return crypto.subtle.importKey('pkcs8', secret, 'Ed25519', false, ['sign']);
}
