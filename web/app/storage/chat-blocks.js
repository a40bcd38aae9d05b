/**
 * Blocks of a chat: runs of its entries, each stored as a record of its own, so that one message more writes a few, and not years. Pure.
 * @module
 */

import { fingerprint, toEntryRecord, toHead } from './chat-records.js';

/** @typedef {import('../state.js').Chat} Chat */
/** @typedef {import('../state.js').Entry} Entry */

/** Run of entries; no two blocks of a chat ever have the same number.
 * @typedef {{number: number, entries: Entry[]}} Block
 */

/** Chat as it was written last, `head` as JSON; `isStored`: nothing else is in the storage, so that a change can be written alone.
 * @typedef {{blocks: Block[], prints: Map<number, string>, head: string, isStored: boolean}} Stored
 */

/** Blocks to write, as JSON, and those to delete: `all` that are there, or some numbers.
 * @typedef {{stored: Stored, blocks: [number, string][], deleted: number[] | 'all'}} Changes
 */

/** A block is written again with each mark and each reaction of its entries. */
const MAX_BLOCK_ENTRIES = 32;
/** A longer text has a block to itself. */
const MAX_BLOCK_CHARACTERS = 16_000;

/**
 * Return what has to be written of a chat, or null.
 * @param {Chat} chat
 * @param {Stored | undefined} last how it was written; nothing if it never was
 * @returns {Changes | null}
 */
export function changesOf(chat, last) {
  if (!last && !chat.entries.length && !chat.draft) return null;
  const stored = describe(chat, last?.blocks ?? []);
  if (last && last.head === stored.head && isSame(last.prints, stored.prints)) return null;
  const base = last?.isStored ? last.prints : new Map();
  const blocks = stored.blocks.filter(({ number }) => base.get(number) !== stored.prints.get(number));
  return {
    stored,
    blocks: blocks.map(({ number, entries }) => [number, JSON.stringify(entries.map(toEntryRecord))]),
    deleted: last?.isStored ? [...base.keys()].filter((number) => !stored.prints.has(number)) : 'all',
  };
}

/**
 * @param {Chat} chat
 * @param {readonly Block[]} last
 * @returns {Stored} the chat as it is written now
 */
export function describe(chat, last) {
  const blocks = partition(chat.entries, last);
  return { blocks, prints: new Map(blocks.map(({ number, entries }) => [number, fingerprint(entries)])), head: JSON.stringify(toHead(chat)), isStored: true };
}

/**
 * Divide entries into blocks: those that are there lose what was dropped, and what is new comes after them.
 * @param {readonly Entry[]} entries
 * @param {readonly Block[]} last
 * @returns {Block[]}
 */
export function partition(entries, last) {
  const present = new Set(entries);
  const left = last.map(({ number, entries }) => ({ number, entries: entries.filter((entry) => present.has(entry)) }));
  const blocks = left.filter((block) => block.entries.length > 0);
  const old = blocks.flatMap((block) => block.entries);
  const isInOrder = old.every((entry, at) => entry === entries[at]);
  const result = isInOrder ? blocks : []; // an import has put something between
  let number = last.at(-1)?.number ?? 0;
  for (const entry of entries.slice(isInOrder ? old.length : 0)) {
    const newest = result.at(-1);
    if (newest && hasRoom(newest, entry)) newest.entries.push(entry);
    else result.push({ number: ++number, entries: [entry] });
  }
  return result;
}

/**
 * @param {Block} block
 * @param {Entry} entry
 */
function hasRoom({ entries }, entry) {
  return entries.length < MAX_BLOCK_ENTRIES && [...entries, entry].reduce((sum, one) => sum + lengthOf(one), 0) <= MAX_BLOCK_CHARACTERS;
}

/** @param {Entry} entry */
function lengthOf(entry) {
  return entry.kind === 'file' ? entry.transfer.name.length : entry.text.length;
}

/**
 * @param {ReadonlyMap<number, string>} one
 * @param {ReadonlyMap<number, string>} other
 */
function isSame(one, other) {
  return one.size === other.size && [...one].every(([number, print]) => other.get(number) === print);
}
