/**
 * Promise helpers: a pause, and a promise that is settled from outside.
 * @module
 */

/**
 * @param {number} ms
 * @returns {Promise<void>}
 */
export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * @template T
 * @typedef {{promise: Promise<T>, resolve: (value: T) => void, reject: (error: unknown) => void}} Deferred
 */

/**
 * A promise, and what settles it. It is no mistake if nobody waits for its failure.
 * @template T
 * @returns {Deferred<T>}
 */
export function deferred() {
  const made = /** @type {Deferred<T>} */ ({});
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  made.promise.catch(() => undefined);
  return made;
}
