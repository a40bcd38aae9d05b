/**
 * Messages that wait for their reader: `for await (const message of peer.messages)`.
 * @module
 */

/** Messages that may wait; a data channel has no brake for a reader who sleeps. */
const MAX_UNREAD = 4096;

/** A queue that one reader empties. While nobody reads, the oldest give way; while somebody does, none is lost. */
export class MessageQueue {
  #overflow;
  /** @type {any[]} */ #unread = [];
  #read = false;
  #ended = false;
  /** @type {(() => void) | undefined} */ #wake;

  /** @param {() => void} overflow the reader is too slow */
  constructor(overflow) {
    this.#overflow = overflow;
  }

  /** @param {any} value */
  push(value) {
    this.#unread.push(value);
    if (this.#unread.length > MAX_UNREAD) {
      this.#unread.shift();
      if (this.#read) this.#overflow();
    }
    this.#wake?.();
  }

  /** No more will come. */
  end() {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator]() {
    this.#read = true;
    try {
      while (true) {
        while (this.#unread.length > 0) yield this.#unread.shift();
        if (this.#ended) return;
        await new Promise((resolve) => {
          this.#wake = () => resolve(undefined);
        });
      }
    } finally {
      this.#read = false; // who has stopped reading is not too slow
    }
  }
}
