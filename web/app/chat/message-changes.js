/**
 * Reactions, edits and read marks of messages: mine, which the other is told, and theirs.
 * @module
 */

import { recall } from '../storage/web-storage.js';
import { APP, tell } from './control-messages.js';
import { dropOldest } from './entries.js';
import { CHAT_FEATURE, EDIT_MS, EDIT_SLACK_MS, MAX_EDITED, MAX_EDITS, readChange } from './message-parser.js';

/** @typedef {import('../state.js').App} App */
/** @typedef {import('../state.js').Chat} Chat */
/** @typedef {import('../state.js').Entry} Entry */
/** @typedef {import('../state.js').TextEntry} TextEntry */
/** @typedef {import('../state.js').FileEntry} FileEntry */

/** Marks of messages that the other may have read. */
const UNREAD_MARKS = ['sent', 'delivered'];

/**
 * Return the message or file that both sides know under an id.
 * @param {Chat} chat
 * @param {string | null} messageId
 */
export function findMessage({ entries }, messageId) {
  return entries.find((entry) => entry.kind !== 'note' && messageId !== null && entry.messageId === messageId) ?? null;
}

/** @returns {boolean} whether the person tells who has read, and so is told */
export function hasReadMarks() {
  return recall('whisper.read-marks') !== null;
}

/**
 * Take a change of theirs; whatever else it is, is ignored.
 * @param {Chat} chat
 * @param {unknown} value
 * @param {number} now ms
 */
export function takeChange(chat, value, now) {
  const change = readChange(value);
  if (!change) return;
  if ('react' in change) {
    const entry = findMessage(chat, change.react.to);
    if (entry && entry.kind !== 'note') entry.reactions.theirs = change.react.with;
  } else if ('edit' in change) {
    const entry = findMessage(chat, change.edit.id);
    if (entry?.kind !== 'text' || !isEditOfTheirs(entry, now)) return;
    Object.assign(entry, { text: change.edit.text, edits: entry.edits + 1 });
    dropOldest(chat); // it may be longer
  } else if (hasReadMarks()) markReadByThem(chat, change.read);
}

/**
 * React with an emoji, or take the same one back. Who is away is told at the next connection.
 * @param {App} app
 * @param {Chat} chat
 * @param {TextEntry | FileEntry} entry
 * @param {string} emoji
 */
export function react(app, chat, entry, emoji) {
  const { reactions } = entry;
  Object.assign(reactions, { mine: reactions.mine === emoji ? '' : emoji, isUntold: true });
  if (chat.peer) void tellReaction(chat, entry);
  app.changed();
}

/**
 * Tell what was changed while there was no connection.
 * @param {Chat} chat
 */
export function tellReactions(chat) {
  for (const entry of chat.entries) if (entry.kind !== 'note' && entry.reactions.isUntold) void tellReaction(chat, entry);
}

/**
 * @param {Chat} chat
 * @param {Entry} entry
 * @param {number} now ms
 * @returns {entry is TextEntry} whether the person may edit it: it is theirs, new, and not on its way
 */
export function canEdit(chat, entry, now) {
  if (entry.kind !== 'text' || !entry.mine || entry.isCode || entry.text.length > MAX_EDITED) return false;
  if (entry.mark === 'waiting') return true;
  const isThere = [...UNREAD_MARKS, 'read'].includes(entry.mark) && entry.messageId !== null && chat.phase === 'open';
  return isThere && entry.edits < MAX_EDITS && now - entry.at.getTime() < EDIT_MS;
}

/**
 * Change the text of a message; one that has left is changed there as well.
 * @param {App} app
 * @param {Chat} chat
 * @param {TextEntry} entry
 * @param {string} text
 */
export async function edit(app, chat, entry, text) {
  const isWaiting = entry.mark === 'waiting';
  try {
    if (!isWaiting) await chat.peer?.send({ app: APP, edit: { id: entry.messageId, text } });
    Object.assign(entry, { text, edits: entry.edits + (isWaiting ? 0 : 1), ...(isWaiting && { value: text }) });
  } catch (error) {
    app.notices.alert(error, { key: 'send' });
  }
  app.changed();
}

/**
 * Tell which message of theirs was read last, once, if the person wants that.
 * @param {Chat} chat
 */
export function tellRead(chat) {
  const last = chat.peer && chat.entries.findLast((entry) => entry.kind !== 'note' && !entry.mine && entry.messageId !== null);
  if (!last || last.kind === 'note' || !last.messageId || last.messageId === chat.readTold || !hasReadMarks()) return;
  chat.readTold = last.messageId;
  void tell(chat, { read: last.messageId });
}

/**
 * @param {TextEntry} entry
 * @param {number} now ms
 */
function isEditOfTheirs({ mine, isCode, edits, at }, now) {
  return !mine && !isCode && edits < MAX_EDITS && now - at.getTime() < EDIT_MS + EDIT_SLACK_MS;
}

/**
 * @param {Chat} chat
 * @param {string} messageId the last that they have read
 */
function markReadByThem({ entries }, messageId) {
  const last = entries.findIndex((entry) => entry.kind !== 'note' && entry.mine && entry.messageId === messageId);
  for (const entry of entries.slice(0, last + 1)) {
    if (entry.kind === 'text' && entry.mine && UNREAD_MARKS.includes(entry.mark)) entry.mark = 'read';
  }
}

/**
 * @param {Chat} chat
 * @param {TextEntry | FileEntry} entry
 */
async function tellReaction({ peer }, { messageId, reactions }) {
  const { mine } = reactions;
  if (!peer || !messageId || !(await peer.supports(CHAT_FEATURE))) return;
  const isTold = await peer.send({ app: APP, react: { to: messageId, with: mine } }).then(() => true, () => false);
  if (isTold && reactions.mine === mine) reactions.isUntold = false;
}
