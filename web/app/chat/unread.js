/**
 * Unread messages of a chat: counted while nobody sees it, and read when somebody does.
 * @module
 */

import { nameOf, selectedChat } from '../state.js';
import { t } from '../texts/translation.js';
import { tellRead } from './message-changes.js';

/** @typedef {import('../state.js').App} App */
/** @typedef {import('../state.js').Chat} Chat */

/**
 * Count a message that has come, unless it is seen.
 * @param {App} app
 * @param {Chat} chat
 */
export function countUnread(app, chat) {
  const isRead = app.state.selected === chat.address && app.state.isSeen;
  if (isRead) return;
  chat.unread += 1;
  app.notices.say(t('chat.wrote', { name: nameOf(app.state, chat.address) }));
}

/**
 * Whoever reads a chat has read it.
 * @param {App} app
 */
export function markRead({ state }) {
  const chat = selectedChat(state);
  if (!chat || !state.isSeen) return;
  chat.unread = 0;
  tellRead(chat);
}
