/**
 * Assembly of a large value from the parts that its sender made of it, within the budget of the connection.
 * @module
 */

import { Dropped } from '../protocol/errors.js';
import { fromJson } from '../protocol/sealing.js';

/** @typedef {import('../protocol/base64.js').Bytes} Bytes */

/** Parts of one value; many small ones would take more memory than they carry. */
const MAX_PARTS = 4096;

/** What the first byte of a sealed part says: whether it is the last, of JSON or of bytes. */
export const MORE = 3;
export const LAST = 4;
export const MORE_BYTES = 5;
export const LAST_BYTES = 6;

/** Assembler of one value after another. */
export class PartAssembler {
  #budget;
  #maxBytes;
  /** @type {Bytes[]} */ #parts = [];
  #size = 0;
  #isBytes = false;

  /**
   * @param {import('./byte-budget.js').ByteBudget} budget
   * @param {number} maxBytes of one value
   */
  constructor(budget, maxBytes) {
    this.#budget = budget;
    this.#maxBytes = maxBytes;
  }

  /**
   * @param {number} format
   * @param {Bytes} part
   * @returns {boolean} false when it is more than may wait here
   * @throws {Dropped} `broken_seal` for a format that is none, or a part of another kind than those before
   */
  add(format, part) {
    const isBytes = format === MORE_BYTES || format === LAST_BYTES;
    const isKnown = isBytes || format === MORE || format === LAST;
    if (!isKnown || (this.#parts.length > 0 && isBytes !== this.#isBytes)) throw new Dropped('broken_seal');
    const tooMuch = this.#size + part.length > this.#maxBytes || this.#parts.length >= MAX_PARTS;
    if (tooMuch || !this.#budget.take(part.length)) return false;
    this.#parts.push(part);
    this.#size += part.length;
    this.#isBytes = isBytes;
    return true;
  }

  /**
   * Take the value that is complete.
   * @returns {{value: unknown, bytes: number}} `value` is a `Uint8Array` when bytes were sent
   * @throws {Dropped} `broken_seal` when it is no JSON
   */
  take() {
    const joined = new Uint8Array(this.#size);
    let at = 0;
    for (const part of this.#parts.splice(0)) {
      joined.set(part, at);
      at += part.length;
      this.#budget.give(part.length);
    }
    this.#size = 0;
    return { value: this.#isBytes ? joined : parse(joined), bytes: joined.length };
  }
}

/** @param {number} format */
export function isLast(format) {
  return format === LAST || format === LAST_BYTES;
}

/** @param {Bytes} json */
function parse(json) {
  try {
    return fromJson(json);
  } catch {
    throw new Dropped('broken_seal');
  }
}
