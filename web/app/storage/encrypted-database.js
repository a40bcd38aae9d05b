/**
 * Encrypted database of chats and their files: IndexedDB records under an AES-256-GCM key that can't be extracted.
 *
 * A copy of the browser's files is of no use without this browser; who can run scripts here can read the chats.
 * @module
 */

/** These names are older than the word for a chat: under others, nobody's chats would be found. */
const NAME = 'whisper-talks';
const VERSION = 1;
const STORES = /** @type {const} */ (['keys', 'talks', 'files']);
const ALGORITHM = { name: 'AES-GCM', length: 256 };

/** @typedef {'talks' | 'files'} SealedStore */
/** @typedef {{iv: Uint8Array<ArrayBuffer>, data: ArrayBuffer}} Sealed */

/** Encrypted database, open. */
export class EncryptedDatabase {
  #database;
  #key;

  /**
   * @param {IDBDatabase} database
   * @param {CryptoKey} key
   */
  constructor(database, key) {
    this.#database = database;
    this.#key = key;
    database.onversionchange = () => database.close();
  }

  /** @returns {Promise<EncryptedDatabase>} rejects where the browser keeps nothing */
  static async open() {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => STORES.forEach((store) => request.result.createObjectStore(store));
    const database = await result(request);
    const made = await crypto.subtle.generateKey(ALGORITHM, false, ['encrypt', 'decrypt']);
    const keys = database.transaction('keys', 'readwrite').objectStore('keys');
    const kept = await result(keys.get('talks'));
    if (!kept) await result(keys.put(made, 'talks'));
    return new EncryptedDatabase(database, kept ?? made);
  }

  /**
   * @param {SealedStore} store
   * @param {string} name under which the record is found, and which is sealed with it
   * @param {BufferSource} content
   */
  async put(store, name, content) {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const data = await crypto.subtle.encrypt({ name: ALGORITHM.name, iv, additionalData: bytesOf(name) }, this.#key, content);
    await result(this.#at(store, 'readwrite').put({ iv, data }, name));
  }

  /**
   * @param {SealedStore} store
   * @param {string} name
   * @returns {Promise<ArrayBuffer | undefined>} undefined when there is none, or it can't be opened
   */
  async get(store, name) {
    /** @type {Sealed | undefined} */
    const sealed = await result(this.#at(store, 'readonly').get(name));
    if (!sealed) return undefined;
    const { iv, data } = sealed;
    return crypto.subtle.decrypt({ name: ALGORITHM.name, iv, additionalData: bytesOf(name) }, this.#key, data).catch(() => undefined);
  }

  /**
   * @param {SealedStore} store
   * @returns {Promise<string[]>}
   */
  async names(store) {
    return (await result(this.#at(store, 'readonly').getAllKeys())).map(String);
  }

  /**
   * @param {SealedStore} store
   * @param {string} name
   */
  async delete(store, name) {
    await result(this.#at(store, 'readwrite').delete(name));
  }

  async clear() {
    await Promise.all([result(this.#at('talks', 'readwrite').clear()), result(this.#at('files', 'readwrite').clear())]);
  }

  /**
   * @param {SealedStore} store
   * @param {IDBTransactionMode} mode
   */
  #at(store, mode) {
    return this.#database.transaction(store, mode).objectStore(store);
  }
}

/** @param {string} text */
function bytesOf(text) {
  return new TextEncoder().encode(text);
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
