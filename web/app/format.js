/**
 * Formatting of sizes, times, file names and values of peers.
 * @module
 */

import { localeOfTexts } from './texts/translation.js';

/** Pictures that a browser shows, and in which no script can be. */
export const PICTURES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif'];
export const SOUNDS = ['audio/mpeg', 'audio/ogg', 'audio/wav', 'audio/webm', 'audio/mp4', 'audio/aac', 'audio/flac'];
export const VIDEOS = ['video/mp4', 'video/webm', 'video/ogg'];
/** What the page itself shows or plays. */
export const PREVIEWED = [...PICTURES, ...SOUNDS, ...VIDEOS];
const UNITS = /** @type {const} */ (['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte']);
const DAY_MS = 86_400_000;

/** What is kept of one message: more would only fill the memory of this page. */
export const MAX_KEPT = 1_000_000;
/** What of it is shown at first, and at most: a browser lays out no more in time. */
export const MAX_TRUNCATED = 1500;
export const MAX_SHOWN = 100_000;
const MAX_TRUNCATED_LINES = 24;
/** Nested deeper, a value is not shown. */
const MAX_INDENT = 60;

/** What a peer sent, as text, cut at MAX_KEPT characters.
 * @typedef {{text: string, isCode: boolean}} Shown
 */

/**
 * Turn whatever a peer sent into text. Of bytes, their number is shown; any other value that is not text is shown as JSON.
 * @param {unknown} value
 * @returns {Shown}
 */
export function formatValue(value) {
  if (typeof value === 'string') return { text: cut(value), isCode: false };
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return { text: formatBytes(value.byteLength), isCode: true };
  let text = '';
  for (const piece of pieces(value, '')) {
    text += piece;
    if (text.length >= MAX_KEPT) break;
  }
  return { text: cut(text), isCode: true };
}

/**
 * Cut a text at MAX_KEPT characters. A slice would keep all of the text in memory, so it is copied.
 * @param {string} text
 */
function cut(text) {
  return text.length > MAX_KEPT ? structuredClone(text.slice(0, MAX_KEPT)) : text;
}

/**
 * Print JSON piece by piece: `JSON.stringify` has no end for what is huge, and fails at what is deep.
 * @param {unknown} value
 * @param {string} indent
 * @returns {Generator<string, void>}
 */
function* pieces(value, indent) {
  if (typeof value !== 'object' || value === null) return yield JSON.stringify(value) ?? 'undefined';
  const isArray = Array.isArray(value);
  const [open, close] = isArray ? ['[', ']'] : ['{', '}'];
  if (indent.length >= MAX_INDENT) return yield `${open}…${close}`;
  const inner = `${indent}  `;
  let between = open;
  for (const key of isArray ? value.keys() : Object.keys(value)) {
    yield `${between}\n${inner}${isArray ? '' : `${JSON.stringify(key)}: `}`;
    yield* pieces(/** @type {Record<PropertyKey, unknown>} */ (value)[key], inner);
    between = ',';
  }
  yield between === open ? open + close : `\n${indent}${close}`;
}

/**
 * Return the part of a text that is shown at first.
 * @param {string} text
 */
export function truncate(text) {
  const lines = text.slice(0, MAX_TRUNCATED).split('\n', MAX_TRUNCATED_LINES);
  return lines.join('\n');
}

/** @param {number} bytes */
export function formatBytes(bytes) {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  const value = bytes / 1000 ** power;
  return quantity(value, UNITS[power] ?? 'byte', { digits: value < 10 && power > 0 ? 1 : 0, unitDisplay: power ? 'short' : 'long' });
}

/** @param {number} ms */
export function formatSeconds(ms) {
  return quantity(ms / 1000, 'second', { digits: ms < 9950 ? 1 : 0, unitDisplay: 'short' });
}

/**
 * @param {number} ms
 * @returns {string} minutes and seconds, and hours where there are some
 */
export function formatDuration(ms) {
  const seconds = Math.floor(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const parts = hours ? [hours, minutes, seconds % 60] : [minutes, seconds % 60];
  return parts.map((part, at) => part.toLocaleString(localeOfTexts(), { minimumIntegerDigits: at ? 2 : 1 })).join(':');
}

/** @param {Date} date */
export function timeOf(date) {
  return date.toLocaleTimeString(localeOfTexts(), { hour: 'numeric', minute: '2-digit' });
}

/**
 * Return a day as people say it: today, yesterday, or its name.
 * @param {Date} date
 * @param {Date} now
 */
export function dayOf(date, now) {
  const days = Math.round((midnight(now) - midnight(date)) / DAY_MS);
  if (days === 0 || days === 1) return new Intl.RelativeTimeFormat(localeOfTexts(), { numeric: 'auto' }).format(-days, 'day');
  return date.toLocaleDateString(localeOfTexts(), { weekday: 'long', day: 'numeric', month: 'long' });
}

/**
 * Return a name that a file may have on any system, for saving: no folder, no control character, not hidden.
 * @param {string} name as the peer gave it
 */
export function safeFileName(name) {
  const [last = ''] = name.split(/[/\\]/).slice(-1);
  const plain = last
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, '')
    .replace(/[:*?"<>|]+/g, '_')
    .replace(/^[.\s]+|[.\s]+$/g, '');
  if (plain.length <= 120) return plain || 'file';
  const [ending = ''] = /\.[^.]{1,10}$/.exec(plain) ?? [];
  return plain.slice(0, 120 - ending.length).toWellFormed() + ending;
}

/**
 * @param {number} value
 * @param {string} unit of CLDR
 * @param {{digits: number, unitDisplay: 'short' | 'long'}} how
 */
function quantity(value, unit, { digits, unitDisplay }) {
  return value.toLocaleString(localeOfTexts(), { style: 'unit', unit, unitDisplay, minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** @param {Date} date */
function midnight(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}
