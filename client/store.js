/**
 * Persistent storage: one IndexedDB, shared by the pages and the service worker of an origin.
 * @module
 */

import { WhisperError } from './protocol/errors.js';

const NAME = 'whisper';
const VERSION = 1;

/** @typedef {'identity' | 'state' | 'calls' | 'contacts'} StoreName */

/** @type {Readonly<Record<StoreName, IDBObjectStoreParameters>>} `calls` by their signature, `contacts` by their address */
const STORES = Object.freeze({
  identity: {},
  state: {},
  calls: { keyPath: 'signature' },
  contacts: { keyPath: 'address' },
});

/** Open database. Every method rejects with `storage` when the browser refuses. */
export class Store {
  #database;
  #isClosed = false;

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.#database = letGoOfOld(database);
  }

  /** @returns {Promise<Store>} */
  static async open() {
    try {
      return new Store(await openDatabase());
    } catch (error) {
      throw refusal(error);
    }
  }

  /**
   * Open the store, use it, and close it.
   * @template T
   * @param {(store: Store) => T | Promise<T>} work
   * @returns {Promise<T>}
   */
  static async use(work) {
    const store = await Store.open();
    try {
      return await work(store);
    } finally {
      store.close();
    }
  }

  /**
   * @param {StoreName} name
   * @param {IDBValidKey} key
   * @returns {Promise<any>} undefined when there is none
   */
  get(name, key) {
    return this.#transact(name, 'readonly', (store) => result(store.get(key)));
  }

  /**
   * @param {StoreName} name
   * @returns {Promise<any[]>}
   */
  all(name) {
    return this.#transact(name, 'readonly', (store) => result(store.getAll()));
  }

  /**
   * @param {StoreName} name
   * @param {unknown} value
   * @param {IDBValidKey} [key] for stores without a key path
   */
  async put(name, value, key) {
    await this.#transact(name, 'readwrite', (store) => result(store.put(value, key)));
  }

  /**
   * @param {StoreName} name
   * @param {unknown} value
   * @returns {Promise<boolean>} whether it is new: nothing is there under its key
   */
  async add(name, value) {
    try {
      await this.#transact(name, 'readwrite', (store) => result(store.add(value)));
      return true;
    } catch (error) {
      if (error instanceof WhisperError && error.cause instanceof DOMException && error.cause.name === 'ConstraintError') return false;
      throw error;
    }
  }

  /**
   * Return the value that is there, or put one there: whoever is first, in whatever window.
   * @param {StoreName} name
   * @param {IDBValidKey} key
   * @param {unknown} value
   * @returns {Promise<any>}
   */
  getOrPut(name, key, value) {
    return this.#transact(name, 'readwrite', async (store) => {
      const kept = await result(store.get(key));
      if (kept === undefined) await result(store.put(value, key));
      return kept ?? value;
    });
  }

  /**
   * Change a value in one transaction, so that no other tab comes between.
   * @param {StoreName} name
   * @param {IDBValidKey} key
   * @param {(value: any) => unknown} change
   */
  async update(name, key, change) {
    await this.#transact(name, 'readwrite', async (store) => {
      const value = change(await result(store.get(key)));
      await result(store.keyPath === null ? store.put(value, key) : store.put(value));
    });
  }

  /**
   * Return a value and delete it, in one transaction: whoever else asks gets nothing.
   * @param {StoreName} name
   * @param {IDBValidKey} key
   * @returns {Promise<any>} undefined when there is none
   */
  take(name, key) {
    return this.#transact(name, 'readwrite', async (store) => {
      const value = await result(store.get(key));
      await result(store.delete(key));
      return value;
    });
  }

  /**
   * @param {StoreName} name
   * @param {IDBValidKey} key
   */
  async delete(name, key) {
    await this.#transact(name, 'readwrite', (store) => result(store.delete(key)));
  }

  /** Let go of the database. */
  close() {
    this.#isClosed = true;
    this.#database.close();
  }

  /**
   * @template T
   * @param {StoreName} name
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore) => Promise<T>} work
   * @returns {Promise<T>}
   */
  async #transact(name, mode, work) {
    try {
      return await work(this.#database.transaction(name, mode).objectStore(name));
    } catch (error) {
      const isGone = error instanceof DOMException && error.name === 'InvalidStateError';
      if (!isGone || this.#isClosed) throw refusal(error);
    }
    try {
      this.#database = letGoOfOld(await openDatabase()); // it was deleted or taken away while it was open
      return await work(this.#database.transaction(name, mode).objectStore(name));
    } catch (error) {
      throw refusal(error);
    }
  }
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  const request = indexedDB.open(NAME, VERSION);
  request.onupgradeneeded = () => {
    for (const [name, options] of Object.entries(STORES)) request.result.createObjectStore(name, options);
  };
  return result(request);
}

/** @param {IDBDatabase} database */
function letGoOfOld(database) {
  database.onversionchange = () => database.close(); // a newer version, in another tab, goes first
  return database;
}

/** @param {unknown} cause a `DOMException`, as when there is no room, or a key can't be kept (Lockdown Mode) */
function refusal(cause) {
  return cause instanceof WhisperError ? cause : new WhisperError('storage', { cause });
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = (event) => {
      event.preventDefault(); // what failed is told to whoever asked, not to the console
      reject(request.error);
    };
  });
}
