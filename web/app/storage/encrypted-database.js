/**
 * Encrypted database of chats and their files: IndexedDB records under an AES-256-GCM key that can't be extracted.
 *
 * A copy of the browser's files is of no use without this browser; who can run scripts here can read the chats.
 * @module
 */

/** These names are older than the word for a chat: under others, nobody's chats would be found. */
const NAME = 'whisper-talks';
/** 2: the entries of a chat are in blocks, and no longer in its record among the `talks`. */
const VERSION = 2;
const STORES = /** @type {const} */ (['keys', 'talks', 'entries', 'files']);
const SEALED = /** @type {const} */ (['talks', 'entries', 'files']);
const ALGORITHM = { name: 'AES-GCM', length: 256 };

/** @typedef {'talks' | 'entries' | 'files'} SealedStore */
/** Key of a record, which is sealed with it: of a block, with its number.
 * @typedef {string | [address: string, number: number]} Name
 */
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
    request.onupgradeneeded = () => {
      const { result: database } = request;
      for (const store of STORES) if (!database.objectStoreNames.contains(store)) database.createObjectStore(store);
    };
    const database = await result(request);
    const made = await crypto.subtle.generateKey(ALGORITHM, false, ['encrypt', 'decrypt']);
    const keys = database.transaction('keys', 'readwrite').objectStore('keys');
    const kept = await result(keys.get('talks'));
    if (!kept) await result(keys.put(made, 'talks'));
    return new EncryptedDatabase(database, kept ?? made);
  }

  /**
   * @param {SealedStore} store
   * @param {Name} name
   * @param {BufferSource | string} content
   */
  async put(store, name, content) {
    await this.write({ puts: [[store, name, content]] });
  }

  /**
   * @param {SealedStore} store
   * @param {Name} name
   */
  async delete(store, name) {
    await this.write({ deletes: [[store, name]] });
  }

  /**
   * Delete and then put records in one transaction: all of it is done, or nothing.
   * @param {{deletes?: [SealedStore, Name | IDBKeyRange][], puts?: [SealedStore, Name, BufferSource | string][]}} changes
   */
  async write({ deletes = [], puts = [] }) {
    const sealed = await Promise.all(puts.map(async ([store, name, content]) => ({ store, name, value: await this.#seal(name, content) })));
    const transaction = this.#database.transaction(SEALED, 'readwrite');
    for (const [store, name] of deletes) transaction.objectStore(store).delete(name);
    for (const { store, name, value } of sealed) transaction.objectStore(store).put(value, name);
    await finish(transaction);
  }

  /**
   * @param {SealedStore} store
   * @param {Name} name
   * @returns {Promise<ArrayBuffer | undefined>} undefined when there is none, or it can't be opened
   */
  async get(store, name) {
    /** @type {Sealed | undefined} */
    const sealed = await result(this.#at(store).get(name));
    return sealed && this.#open(name, sealed);
  }

  /**
   * @param {string} address
   * @returns {Promise<{number: number, content: ArrayBuffer}[]>} the blocks of a chat in their order, but for those that can't be opened
   */
  async blocks(address) {
    const store = this.#at('entries');
    const [names, all] = await Promise.all([result(store.getAllKeys(blocksOf(address))), result(store.getAll(blocksOf(address)))]);
    const opened = names.map(async (key, at) => {
      const name = /** @type {[string, number]} */ (key);
      return { number: name[1], content: await this.#open(name, all[at]) };
    });
    return (await Promise.all(opened)).flatMap(({ number, content }) => (content ? [{ number, content }] : []));
  }

  /**
   * @param {'talks' | 'files'} store
   * @returns {Promise<string[]>}
   */
  async names(store) {
    return (await result(this.#at(store).getAllKeys())).map(String);
  }

  async clear() {
    const transaction = this.#database.transaction(SEALED, 'readwrite');
    for (const store of SEALED) transaction.objectStore(store).clear();
    await finish(transaction);
  }

  /**
   * @param {Name} name
   * @param {BufferSource | string} content
   * @returns {Promise<Sealed>}
   */
  async #seal(name, content) {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    return { iv, data: await crypto.subtle.encrypt({ name: ALGORITHM.name, iv, additionalData: bytesOf(name) }, this.#key, bytes) };
  }

  /**
   * @param {Name} name
   * @param {Sealed} sealed
   * @returns {Promise<ArrayBuffer | undefined>}
   */
  #open(name, { iv, data }) {
    return crypto.subtle.decrypt({ name: ALGORITHM.name, iv, additionalData: bytesOf(name) }, this.#key, data).catch(() => undefined);
  }

  /** @param {SealedStore} store */
  #at(store) {
    return this.#database.transaction(store).objectStore(store);
  }
}

/**
 * Return the range of the blocks of a chat.
 * @param {string} address
 */
export function blocksOf(address) {
  return IDBKeyRange.bound([address], [address, []]); // a list is after every number
}

/** @param {Name} name */
function bytesOf(name) {
  return new TextEncoder().encode(String(name));
}

/**
 * @param {IDBTransaction} transaction in which all is asked for
 * @returns {Promise<void>}
 */
function finish(transaction) {
  transaction.commit(); // at once: the page may be about to close
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
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
