/**
 * Persistent storage: one IndexedDB, shared by the pages and the service worker of an origin.
 * @module
 */

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

/** The open database. Every method rejects with a `DOMException` when the browser refuses. */
export class Store {
  #database;

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.#database = database;
    database.onversionchange = () => database.close(); // a newer version, in another tab, goes first
  }

  /** @returns {Promise<Store>} */
  static async open() {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      for (const [name, options] of Object.entries(STORES)) request.result.createObjectStore(name, options);
    };
    return new Store(await result(request));
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
    return result(this.#in(name, 'readonly').get(key));
  }

  /**
   * @param {StoreName} name
   * @returns {Promise<any[]>}
   */
  all(name) {
    return result(this.#in(name, 'readonly').getAll());
  }

  /**
   * @param {StoreName} name
   * @param {unknown} value
   * @param {IDBValidKey} [key] for stores without a key path
   */
  async put(name, value, key) {
    await result(this.#in(name, 'readwrite').put(value, key));
  }

  /**
   * @param {StoreName} name
   * @param {unknown} value
   * @returns {Promise<boolean>} whether it is new: nothing is there under its key
   */
  async add(name, value) {
    try {
      await result(this.#in(name, 'readwrite').add(value));
      return true;
    } catch (error) {
      if (error instanceof DOMException && error.name === 'ConstraintError') return false;
      throw error;
    }
  }

  /**
   * Change a value in one transaction, so that no other tab comes between.
   * @param {StoreName} name
   * @param {IDBValidKey} key
   * @param {(value: any) => unknown} change
   */
  async update(name, key, change) {
    const store = this.#in(name, 'readwrite');
    const value = change(await result(store.get(key)));
    await result(store.keyPath === null ? store.put(value, key) : store.put(value));
  }

  /**
   * Return a value and delete it, in one transaction: whoever else asks gets nothing.
   * @param {StoreName} name
   * @param {IDBValidKey} key
   * @returns {Promise<any>} undefined when there is none
   */
  async take(name, key) {
    const store = this.#in(name, 'readwrite');
    const value = await result(store.get(key));
    await result(store.delete(key));
    return value;
  }

  /**
   * @param {StoreName} name
   * @param {IDBValidKey} key
   */
  async delete(name, key) {
    await result(this.#in(name, 'readwrite').delete(key));
  }

  /** Let go of the database. */
  close() {
    this.#database.close();
  }

  /**
   * @param {StoreName} name
   * @param {IDBTransactionMode} mode
   */
  #in(name, mode) {
    return this.#database.transaction(name, mode).objectStore(name);
  }
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
