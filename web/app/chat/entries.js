/**
 * Entries of a conversation: messages, files, and what happened.
 * @module
 */

import { present } from '../format.js';

/** @typedef {import('../../client/peer.js').Peer} Peer */
/** @typedef {import('../../client/rtc/file-transfer.js').Transfer} Transfer */

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
  return { kind: 'text', mine, at: new Date(), ...present(content), ...none, ...members };
}
