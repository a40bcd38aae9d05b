/**
 * JSON values as they arrive: whatever `JSON.stringify` would drop or alter in silence is refused.
 * @module
 */

import { WhisperError } from './errors.js';
import { toJson } from './sealing.js';

/** @typedef {import('./base64.js').Bytes} Bytes */

/**
 * Return the JSON of *value*, which gives the same value when it is parsed.
 * @param {unknown} value
 * @returns {Bytes} UTF-8
 * @throws {WhisperError} `not_json`, whose message says where
 */
export function toExactJson(value) {
  const json = toJson(value); // first: it finds circles, and what is too deep
  const fault = findFault(value, '');
  if (fault) throw new WhisperError('not_json', { message: fault });
  return json;
}

/**
 * @param {unknown} value without circles
 * @param {string} path
 * @returns {string | undefined} what can't be sent, and where
 */
function findFault(value, path) {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return undefined;
  if (Array.isArray(value)) return firstFault(Array.from(value).entries(), path);
  if (isPlain(value)) return firstFault(Object.entries(/** @type {object} */ (value)), path);
  return `${nameOf(value)} is no JSON value${path && `: it is at ${path}`}.`;
}

/**
 * @param {Iterable<[string | number, unknown]>} members
 * @param {string} path
 */
function firstFault(members, path) {
  for (const [key, member] of members) {
    const fault = findFault(member, `${path}[${JSON.stringify(key)}]`);
    if (fault) return fault;
  }
  return undefined;
}

/**
 * @param {unknown} value
 * @returns {boolean} whether it is an object of members and nothing else, of whatever window
 */
function isPlain(value) {
  if (value === null || typeof value !== 'object' || Object.getOwnPropertySymbols(value).length > 0) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf'));
}

/** @param {unknown} value */
function nameOf(value) {
  if (typeof value === 'number' || value === undefined) return String(value);
  return typeof value === 'object' ? Object.prototype.toString.call(value).slice(8, -1) : `A ${typeof value}`;
}
