/**
 * What this browser keeps: one IndexedDB, shared by the pages and the service worker of an origin.
 * @module
 */

const NAME = 'whisper';
const VERSION = 1;

/** @typedef {'identity' | 'state' | 'calls' | 'contacts'} Room */

/** @type {Readonly<Record<Room, IDBObjectStoreParameters>>} `calls` by their signature, `contacts` by their address */
const ROOMS = Object.freeze({
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
      for (const [room, options] of Object.entries(ROOMS)) request.result.createObjectStore(room, options);
    };
    return new Store(await result(request));
  }

  /**
   * @param {Room} room
   * @param {IDBValidKey} key
   * @returns {Promise<any>} undefined when there is none
   */
  get(room, key) {
    return result(this.#in(room, 'readonly').get(key));
  }

  /**
   * @param {Room} room
   * @returns {Promise<any[]>}
   */
  all(room) {
    return result(this.#in(room, 'readonly').getAll());
  }

  /**
   * @param {Room} room
   * @param {unknown} value
   * @param {IDBValidKey} [key] for rooms without a key path
   */
  async put(room, value, key) {
    await result(this.#in(room, 'readwrite').put(value, key));
  }

  /**
   * @param {Room} room
   * @param {unknown} value
   * @returns {Promise<boolean>} whether it is new: nothing is there under its key
   */
  async add(room, value) {
    try {
      await result(this.#in(room, 'readwrite').add(value));
      return true;
    } catch (error) {
      if (error instanceof DOMException && error.name === 'ConstraintError') return false;
      throw error;
    }
  }

  /**
   * Change a value in one transaction, so that no other tab comes between.
   * @param {Room} room
   * @param {IDBValidKey} key
   * @param {(value: any) => unknown} change
   */
  async update(room, key, change) {
    const store = this.#in(room, 'readwrite');
    const value = change(await result(store.get(key)));
    await result(store.keyPath === null ? store.put(value, key) : store.put(value));
  }

  /**
   * Return a value and delete it, in one transaction: whoever else asks gets nothing.
   * @param {Room} room
   * @param {IDBValidKey} key
   * @returns {Promise<any>} undefined when there is none
   */
  async take(room, key) {
    const store = this.#in(room, 'readwrite');
    const value = await result(store.get(key));
    await result(store.delete(key));
    return value;
  }

  /**
   * @param {Room} room
   * @param {IDBValidKey} key
   */
  async delete(room, key) {
    await result(this.#in(room, 'readwrite').delete(key));
  }

  /** Let go of the database. */
  close() {
    this.#database.close();
  }

  /**
   * @param {Room} room
   * @param {IDBTransactionMode} mode
   */
  #in(room, mode) {
    return this.#database.transaction(room, mode).objectStore(room);
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
