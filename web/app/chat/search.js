/**
 * Full-text search in a chat. Pure, but for the texts in lower case that it remembers.
 * @module
 */

/** @typedef {import('./entries.js').Entry} Entry */

/** What is seen of a message around the match. */
const BEFORE = 20;
const MAX_SNIPPET = 80;

/** The texts that were searched, in lower case: each is made once, and not with each drawing.
 * @type {WeakMap<Entry, {text: string, lowered: string}>}
 */
let index = new WeakMap();

/** @param {string} text */
export function normalize(text) {
  return text.trim().toLocaleLowerCase();
}

/**
 * @param {readonly Entry[]} entries
 * @param {string} wanted normalized
 * @returns {Entry | undefined} the newest with that text in it
 */
export function searchEntries(entries, wanted) {
  return wanted === '' ? undefined : entries.findLast((entry) => lower(entry).includes(wanted));
}

/** Give the memory of the search back: nobody searches any more. */
export function endSearch() {
  index = new WeakMap();
}

/**
 * @param {Entry | undefined} entry
 * @param {string} wanted normalized
 * @returns {string} its text around the match, if there is one
 */
export function snippetOf(entry, wanted) {
  if (!entry) return '';
  const text = textOf(entry);
  const start = Math.max(0, lower(entry).indexOf(wanted) - BEFORE);
  return (start ? '…' : '') + text.slice(start, start + MAX_SNIPPET).toWellFormed();
}

/** @param {Entry} entry */
function lower(entry) {
  const text = textOf(entry);
  const known = index.get(entry);
  if (known?.text === text) return known.lowered; // it may have been edited
  const lowered = text.toLocaleLowerCase();
  index.set(entry, { text, lowered });
  return lowered;
}

/** @param {Entry} entry */
function textOf(entry) {
  return entry.kind === 'file' ? entry.transfer.name : entry.text;
}
