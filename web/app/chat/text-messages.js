/**
 * Text messages of a chat: sending, waiting for a connection, receiving, and delivery marks.
 * @module
 */

import { follow as followMove } from '../contact-actions.js';
import { codeOf } from '../error-messages.js';
import { MAX_KEPT } from '../format.js';
import { addEntry } from '../state.js';
import { APP, takeControl } from './control-messages.js';
import { newText } from './entries.js';
import { findMessage, takeChange } from './message-changes.js';
import { CHAT_FEATURE, readMessage } from './message-parser.js';
import { countUnread } from './unread.js';

/** @typedef {import('../state.js').App} App */
/** @typedef {import('../state.js').Chat} Chat */
/** @typedef {import('../state.js').Peer} Peer */
/** @typedef {import('../state.js').TextEntry} TextEntry */

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {string} text
 */
export function sendText(app, chat, text) {
  const entry = newText(true, text, { mark: 'sending', value: text, messageId: crypto.randomUUID(), reply: chat.replyTo });
  chat.replyTo = null;
  addEntry(chat, entry);
  void send(app, chat, entry);
}

/**
 * Send what was written while there was no connection.
 * @param {App} app
 * @param {Chat} chat
 */
export async function sendWaiting(app, chat) {
  for (const entry of chat.entries) if (entry.kind === 'text' && entry.mark === 'waiting') await send(app, chat, entry);
}

/**
 * Send, or send again, what is in an entry.
 * @param {App} app
 * @param {Chat} chat
 * @param {TextEntry} entry
 */
export async function send(app, chat, entry) {
  const { peer } = chat;
  entry.mark = peer ? 'sending' : 'waiting';
  app.changed();
  if (!peer) return;
  try {
    entry.number = await sendTo(peer, entry);
    Object.assign(entry, { peer, mark: 'sent', value: undefined });
    updateMarks(chat, peer);
    app.notices.dismiss('send');
  } catch (error) {
    entry.mark = peer.state === 'closed' || codeOf(error) === 'not_connected' ? 'waiting' : 'failed';
    if (entry.mark === 'failed') app.notices.alert(error, { key: 'send' });
  }
  app.changed();
}

/**
 * Let what left and did not arrive wait for the next connection: their app knows by its id whether it has it.
 * @param {Chat} chat
 * @param {Peer} peer whose connection has ended
 */
export function keepUndelivered(chat, peer) {
  for (const entry of chat.entries) {
    const isLost = entry.kind === 'text' && entry.peer === peer && entry.mark === 'sent' && entry.messageId !== null;
    if (isLost && entry.text.length < MAX_KEPT) Object.assign(entry, { mark: 'waiting', value: entry.text });
  }
}

/**
 * Mark what has arrived.
 * @param {Chat} chat
 * @param {Peer} peer
 */
export function updateMarks(chat, peer) {
  for (const entry of chat.entries) {
    const isSent = entry.kind === 'text' && entry.peer === peer && entry.mark === 'sent';
    if (isSent && entry.number <= peer.delivered) entry.mark = 'delivered';
  }
}

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {unknown} value whatever they sent
 */
export function receiveMessage(app, chat, value) {
  if (takeControl(chat, value, app.changed)) {
    const { moved } = /** @type {import('./control-messages.js').Control} */ (value);
    if (moved) void followMove(app, chat, moved);
    const message = readMessage(value);
    if (message) receiveText(app, chat, message.text, message);
    else takeChange(chat, value, Date.now());
    return;
  }
  receiveText(app, chat, value);
}

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {unknown} content
 * @param {Partial<TextEntry>} [more]
 */
function receiveText(app, chat, content, { messageId = null, reply = null } = {}) {
  const known = findMessage(chat, messageId);
  if (known && known.kind !== 'note' && !known.mine) return; // sent again by who did not know that it had arrived
  chat.status.typing = 0;
  addEntry(chat, newText(false, content, { mark: 'delivered', messageId: known ? null : messageId, reply }));
  countUnread(app, chat);
  app.changed();
}

/**
 * Send a text with its id to an app that knows ids, and to any other program as it is.
 * @param {Peer} peer
 * @param {TextEntry} entry
 */
async function sendTo(peer, entry) {
  const isKnown = await peer.supports(CHAT_FEATURE);
  const { value: text, messageId: id, reply } = entry;
  if (!isKnown) entry.messageId = null;
  return peer.send(isKnown ? { app: APP, text, id, ...(reply && { reply }) } : text);
}
