/**
 * Full-text search in a chat. Pure.
 * @module
 */

/** @typedef {import('./entries.js').Entry} Entry */

/** What is seen of a message around the match. */
const BEFORE = 20;
const MAX_SNIPPET = 80;

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
  return wanted === '' ? undefined : entries.findLast((entry) => textOf(entry).toLocaleLowerCase().includes(wanted));
}

/**
 * @param {Entry} entry
 * @param {string} wanted normalized
 * @returns {string} its text around the match
 */
export function snippetOf(entry, wanted) {
  const text = textOf(entry);
  const start = Math.max(0, text.toLocaleLowerCase().indexOf(wanted) - BEFORE);
  return (start ? '…' : '') + text.slice(start, start + MAX_SNIPPET).toWellFormed();
}

/** @param {Entry} entry */
function textOf(entry) {
  return entry.kind === 'file' ? entry.transfer.name : entry.text;
}
