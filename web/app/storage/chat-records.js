/**
 * Records of chats: a chat as JSON, and back. Pure.
 * @module
 */

/** @typedef {import('../state.js').Chat} Chat */
/** @typedef {import('../state.js').Entry} Entry */
/** @typedef {import('../state.js').FileEntry} FileEntry */

/** What is kept of a chat beside its entries.
 * @typedef {{draft: string, unread: number, missed: number, says?: string}} ChatHead
 */

/** Chat as it is exported, and as it was kept in one record.
 * @typedef {ChatHead & {entries: any[]}} ChatRecord
 */

import { newReactions } from '../chat/entries.js';

/** Marks of messages that were on their way: whether they have arrived, nobody knows any more. */
const SETTLED = /** @type {const} */ ({ sending: 'failed', sent: 'sent', delivered: 'delivered', read: 'read', failed: 'failed', waiting: 'waiting' });

/**
 * @param {Chat} chat
 * @returns {ChatRecord}
 */
export function toRecord(chat) {
  return { entries: chat.entries.map(toEntryRecord), ...toHead(chat) };
}

/**
 * @param {Chat} chat
 * @returns {ChatHead}
 */
export function toHead({ draft, unread, missed, says }) {
  return { draft, unread, missed, says };
}

/**
 * @param {ChatRecord} record
 * @param {number} since entries before that time, ms, are left out
 * @returns {{entries: Entry[], draft: string, unread: number, missed: number, says: string}}
 */
export function fromRecord({ entries, draft, unread, missed, says = '' }, since) {
  return { entries: toEntries(entries, since), draft, unread, missed, says };
}

/**
 * @param {readonly any[]} records of entries
 * @param {number} since
 */
export function toEntries(records, since) {
  return records.filter(({ at }) => at >= since).map(fromEntryRecord);
}

/** @param {Entry} entry */
export function toEntryRecord(entry) {
  const at = entry.at.getTime();
  if (entry.kind === 'note') return { kind: 'note', at, text: entry.text };
  if (entry.kind === 'text') {
    const { mine, text, isCode, mark, messageId, reply, edits, reactions } = entry;
    return { kind: 'text', at, mine, text, isCode, mark: SETTLED[mark], messageId, reply, edits, reactions };
  }
  const { messageId, reactions } = entry;
  const { name, type, size, state } = entry.transfer;
  return { kind: 'file', at, mine: entry.mine, id: entry.id, name, type, size, state: state === 'done' ? 'done' : 'failed', messageId, reactions };
}

/**
 * @param {any} record
 * @returns {Entry}
 */
function fromEntryRecord({ kind, at, mine, text, isCode, mark, id, messageId = null, reply = null, edits = 0, reactions = newReactions(), ...file }) {
  const shared = { messageId, reactions };
  if (kind === 'note') return { kind, at: new Date(at), text };
  if (kind === 'text') return { kind, at: new Date(at), mine, text, isCode, mark, peer: null, number: 0, value: text, ...shared, reply, edits };
  const transfer = { ...file, direction: mine ? 'out' : 'in', transferred: file.size, accept: () => undefined, cancel: () => undefined };
  return { kind: 'file', at: new Date(at), mine, id, transfer, blob: null, error: { code: 'connection_lost' }, ...shared };
}

/**
 * Return by what a change of entries is told: cheaper than their records.
 * @param {readonly Entry[]} entries
 * @returns {string}
 */
export function fingerprint(entries) {
  const states = entries.map((entry) => {
    const at = entry.at.getTime();
    if (entry.kind === 'note') return `${at}n`;
    const { mine, theirs, isUntold } = entry.reactions;
    const waiting = entry.kind === 'text' && entry.mark === 'waiting' ? entry.text : ''; // it is edited without a count
    return at + (entry.kind === 'text' ? entry.mark + entry.edits + waiting : entry.transfer.state[0]) + mine + theirs + (isUntold ? '?' : '');
  });
  return states.join('|');
}
