/**
 * Speed of a file transfer, and the time that is left. Pure.
 * @module
 */

/** A speed needs some time to be one. */
const SPEED_MS = 500;

/** Start of a transfer as it was seen first, its bytes and the time: a transfer may go on where another connection ended.
 * @typedef {{bytes: number, at: number}} Start
 */

/**
 * @param {{transferred: number, size: number}} transfer
 * @param {Start} start
 * @param {number} now ms
 * @returns {{bytesPerSecond: number, msLeft: number} | null} null when it is too early to tell
 */
export function paceOf({ transferred, size }, { bytes, at }, now) {
  const [done, took] = [transferred - bytes, now - at];
  if (took < SPEED_MS || done <= 0) return null;
  return { bytesPerSecond: (done / took) * 1000, msLeft: ((size - transferred) / done) * took };
}
