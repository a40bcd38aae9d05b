/**
 * Bounded receive queue of messages for one reader: `for await (const message of peer.messages)`.
 * @module
 */

/** Messages that may wait; a data channel has no brake for a reader who sleeps. */
const MAX_UNREAD = 4096;
/** And the bytes they came in. */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024;

/** Queue with one reader. While nobody reads, the oldest give way; while somebody does, none is lost. */
export class ReceiveQueue {
  #overflow;
  /** @type {{value: any, bytes: number}[]} */ #unread = [];
  #bytes = 0;
  #read = false;
  #ended = false;
  /** @type {(() => void) | undefined} */ #wake;

  /** @param {() => void} overflow the reader is too slow */
  constructor(overflow) {
    this.#overflow = overflow;
  }

  /**
   * @param {any} value
   * @param {number} [bytes] it came in
   */
  push(value, bytes = 0) {
    this.#unread.push({ value, bytes });
    this.#bytes += bytes;
    const tooMuch = () => this.#unread.length > MAX_UNREAD || (this.#bytes > MAX_UNREAD_BYTES && this.#unread.length > 1);
    if (this.#read && tooMuch()) this.#overflow();
    while (tooMuch()) this.#shift();
    this.#wake?.();
  }

  /** No more will come. */
  end() {
    this.#ended = true;
    this.#wake?.();
  }

  #shift() {
    const first = this.#unread.shift();
    this.#bytes -= first?.bytes ?? 0;
    return first?.value;
  }

  async *[Symbol.asyncIterator]() {
    this.#read = true;
    try {
      while (true) {
        while (this.#unread.length > 0) yield this.#shift();
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
