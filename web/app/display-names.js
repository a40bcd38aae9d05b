/**
 * Names and addresses of people as they are shown. Pure.
 * @module
 */

/** Longer than names are, and short enough for a line. */
const MAX_NAME = 60;
/** A peer can send one of millions of characters, which would take the page seconds. */
const MAX_READ = 1000;

/**
 * Return how an address is shown where there is no room: the first six and the last six of its characters. To make a
 * key that looks alike takes 2^70 attempts.
 * @param {string} address
 */
export function shortAddress(address) {
  const key = address.replace(/=+$/, '');
  return `${key.slice(0, 6)}…${key.slice(-6)}`;
}

/**
 * Return a name on one line, without characters that control how text runs.
 * @param {string} name from anybody, of any length
 */
export function cleanName(name) {
  const visible = name.slice(0, MAX_READ).replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim();
  return [...visible].slice(0, MAX_NAME).join('');
}
