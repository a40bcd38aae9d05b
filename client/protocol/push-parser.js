/**
 * Parser of pushes: the shape of a call, its age, its recipient and its canonical text. Pure.
 * @module
 */

import { KEY_BYTES, isAddress, isBase64 } from './addresses.js';
import { Dropped } from './errors.js';
import { MEMBERS, PUSH_WINDOW_MS, canonical } from './messages.js';

/** @typedef {import('./messages.js').Call} Call */
/** @typedef {import('./messages.js').MemberName} MemberName */
/** @typedef {import('./messages.js').Method} Method */

const SIGNATURE_BYTES = 64;
/** The server's name for a device: 12 characters of base64url. */
const DEVICE = /^[\w-]{12}$/;

/** Those that a call can't do without, if its method has them. */
const REQUIRED = ['encryptionKey', 'payload'];

/** @type {Readonly<Record<MemberName, (value: unknown) => boolean>>} */
const CHECKS = Object.freeze({
  encryptionKey: (value) => isBase64(value, KEY_BYTES),
  payload: (value) => value !== '' && isBase64(value),
  direction: (value) => value === 1 || value === 2,
  fromDevice: isDevice,
  toDevice: isDevice,
  dialKey: (value) => isBase64(value, KEY_BYTES),
  wants: (value) => value === 1 || value === 2 || value === 3,
});

/** A push as the server makes it, `data` alone: method, signed text, signature.
 * @typedef {{a: string, b: string, c: string}} Push
 */

/**
 * Open a push: its shape, then its age, its recipient and its canonical text. The signature is for the caller to check.
 * @param {unknown} push
 * @param {string} me my address
 * @param {number} now the server's time, ms
 * @returns {Call}
 * @throws {Dropped}
 */
export function readPush(push, me, now) {
  const call = parse(push);
  if (Math.abs(now - call.sentAt) > PUSH_WINDOW_MS) throw new Dropped('stale');
  if (call.recipient !== me) throw new Dropped('not_for_me');
  return call;
}

/**
 * @param {unknown} push
 * @returns {Call}
 */
function parse(push) {
  const { a: method, b: text, c: signature } = /** @type {Partial<Push>} */ (push ?? {});
  if (!isMethod(method) || typeof text !== 'string' || !isBase64(signature, SIGNATURE_BYTES)) {
    throw new Dropped('not_a_call');
  }
  const data = parseData(text);
  if (canonical(data) !== text) throw new Dropped('not_a_call');
  const { a: sender, b: sentAt, c: recipient, ...others } = data;
  if (!isAddress(sender) || !isTime(sentAt) || !isAddress(recipient)) throw new Dropped('not_a_call');
  return { method, sender, sentAt, recipient, encryptionKey: '', payload: '', ...parseMembers(method, others), text, signature };
}

/**
 * @param {Method} method
 * @param {Record<string, unknown>} data after sender, time and recipient
 * @returns {Record<string, any>} by name
 */
function parseMembers(method, data) {
  const letters = MEMBERS[method];
  const named = Object.fromEntries(Object.entries(data).map(([letter, value]) => [letters[letter] ?? letter, value]));
  const isMissing = Object.values(letters).some((name) => REQUIRED.includes(name) && !(name in named));
  const isWrong = Object.entries(named).some(([name, value]) => !(Object.hasOwn(CHECKS, name) && CHECKS[/** @type {MemberName} */ (name)](value)));
  const isStrange = Object.keys(data).some((letter) => !Object.hasOwn(letters, letter));
  if (isMissing || isWrong || isStrange) throw new Dropped('not_a_call');
  const { toDevice: _, direction: __, ...used } = named; // who it is for is the server's business
  return used;
}

/**
 * @param {string} text
 * @returns {Record<string, unknown>}
 */
function parseData(text) {
  try {
    const data = JSON.parse(text);
    if (data !== null && typeof data === 'object' && !Array.isArray(data)) return data;
  } catch {
    // Not JSON: the same to us as JSON of another shape.
  }
  throw new Dropped('not_a_call');
}

/**
 * @param {unknown} method
 * @returns {method is Method}
 */
function isMethod(method) {
  return typeof method === 'string' && Object.hasOwn(MEMBERS, method);
}

/**
 * @param {unknown} value
 * @returns {value is number}
 */
function isTime(value) {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** @param {unknown} value */
function isDevice(value) {
  return typeof value === 'string' && DEVICE.test(value);
}
