/**
 * Memory budget of one connection, for all that waits on it.
 * @module
 */

/** Of frames and values that wait; a data channel has no brake for a flood. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** What each costs us beside its bytes: an empty one is not free. */
const ITEM_COSTS_BYTES = 1024;

/** Byte budget of one connection. */
export class ByteBudget {
  #left;

  /** @param {number} [limit] bytes */
  constructor(limit = MAX_WAITING_BYTES) {
    this.#left = limit;
  }

  /**
   * Take what one item needs, or nothing.
   * @param {number} bytes
   * @returns {boolean} whether there was enough
   */
  take(bytes) {
    if (bytes + ITEM_COSTS_BYTES > this.#left) return false;
    this.#left -= bytes + ITEM_COSTS_BYTES;
    return true;
  }

  /** @param {number} bytes of an item that waits no longer */
  give(bytes) {
    this.#left += bytes + ITEM_COSTS_BYTES;
  }
}
