/**
 * Entries of a chat: messages, files, and what happened.
 * @module
 */

import { MAX_KEPT, formatValue } from '../format.js';

/** @typedef {import('../state.js').Chat} Chat */
/** @typedef {import('../../client/peer.js').Peer} Peer */
/** @typedef {import('../../client/rtc/file-transfer.js').Transfer} Transfer */

/** More would make the page slow. */
export const MAX_ENTRIES = 2000;
const MAX_CHARACTERS = 8 * MAX_KEPT;

/** A message, mine or theirs. `value` is there only while it has not been sent.
 * @typedef {object} TextEntry
 * @property {'text'} kind
 * @property {boolean} mine
 * @property {Date} at
 * @property {string} text
 * @property {boolean} isCode
 * @property {'waiting' | 'sending' | 'sent' | 'delivered' | 'read' | 'failed'} mark `waiting`: for a connection
 * @property {Peer | null} peer to whom it was sent
 * @property {number} number which of mine it was to that peer
 * @property {string} [value]
 * @property {string | null} messageId under which both sides know it; null of one that their program told none
 * @property {string | null} reply the id of the message that it answers
 * @property {number} edits how often it was edited after it had left
 * @property {Reactions} reactions
 */

/** One emoji of each, '' for none; `isUntold`: mine, to them.
 * @typedef {{mine: string, theirs: string, isUntold: boolean}} Reactions
 */

/** A transfer, or what is kept of one.
 * @typedef {Pick<Transfer, 'name' | 'type' | 'size' | 'direction' | 'state' | 'transferred' | 'accept' | 'cancel'>} FileTransfer
 */

/** A file, mine or theirs; `id` is its name in the storage.
 * @typedef {{kind: 'file', mine: boolean, at: Date, id: string, transfer: FileTransfer, blob: Blob | null, error: unknown, messageId: string | null, reactions: Reactions}} FileEntry
 */

/** Something that happened.
 * @typedef {{kind: 'note', at: Date, text: string}} NoteEntry
 */

/** @typedef {TextEntry | FileEntry | NoteEntry} Entry */

/** @returns {Reactions} none */
export function newReactions() {
  return { mine: '', theirs: '', isUntold: false };
}

/**
 * @param {boolean} mine
 * @param {unknown} content
 * @param {Partial<TextEntry> & Pick<TextEntry, 'mark'>} members
 * @returns {TextEntry}
 */
export function newText(mine, content, members) {
  const none = { peer: null, number: 0, messageId: null, reply: null, edits: 0, reactions: newReactions() };
  return { kind: 'text', mine, at: new Date(), ...formatValue(content), ...none, ...members };
}

/**
 * Drop the oldest entries over the limits.
 * @param {Chat} chat
 */
export function dropOldest(chat) {
  let characters = chat.entries.reduce((sum, one) => sum + sizeOf(one), 0);
  while (chat.entries.length > MAX_ENTRIES || (characters > MAX_CHARACTERS && chat.entries.length > 1)) {
    const at = Math.max(0, chat.entries.findIndex((one) => one.kind !== 'file' || one.transfer.state !== 'running'));
    const [oldest] = chat.entries.splice(at, 1);
    if (!oldest) return;
    if (oldest.kind === 'file') oldest.transfer.cancel();
    characters -= sizeOf(oldest);
    chat.forgotten = true;
  }
}

/**
 * Return the newest of *entries* for which a chat has room beside what is in it.
 * @param {Chat} chat
 * @param {readonly Entry[]} entries oldest first
 */
export function fitInto(chat, entries) {
  let count = chat.entries.length;
  let characters = chat.entries.reduce((sum, one) => sum + sizeOf(one), 0);
  const last = entries.findLastIndex((entry) => ++count > MAX_ENTRIES || (characters += sizeOf(entry)) > MAX_CHARACTERS);
  return entries.slice(last + 1);
}

/** @param {Entry} entry */
function sizeOf(entry) {
  return entry.kind === 'text' ? entry.text.length : 0;
}
