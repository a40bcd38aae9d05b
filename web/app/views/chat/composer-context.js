/**
 * Context of the composer: the message that is answered, or edited.
 * @module
 */

import { canEdit, edit, findMessage } from '../../chat/message-changes.js';
import { isEditable } from '../../chat/message-parser.js';
import { nameOf, selectedChat } from '../../state.js';
import { t } from '../../texts/translation.js';
import { byId, element, onClick, setShown, setText } from '../dom.js';
import { summaryOf } from './message-menu.js';

/** @typedef {import('../../state.js').App} App */

/** Who began to edit in time may end the sentence. */
const EDITING_MS = 30_000;

/**
 * Say which message is answered or edited.
 * @param {App} app
 * @param {import('../../state.js').Chat | null} chat
 */
export function drawContext(app, chat) {
  if (chat?.editing && !chat.entries.includes(chat.editing)) chat.editing = null; // the chat was deleted
  const answered = chat && findMessage(chat, chat.replyTo);
  const text = chat?.editing ? t('message.editing') : answered && answered.kind !== 'note' ? answerTo(app, answered, chat.address) : '';
  setShown(element('composer-context'), text !== '' && !byId('composer', HTMLFormElement).hidden);
  setText(element('composer-about'), text);
}

/**
 * @param {App} app
 * @param {import('../../state.js').TextEntry | import('../../state.js').FileEntry} entry
 * @param {string} address
 */
function answerTo({ state }, entry, address) {
  const text = summaryOf(entry);
  return entry.mine ? t('message.answerSelf', { text }) : t('message.answer', { name: nameOf(state, address), text });
}

/**
 * Answer or edit no more: by the button, or by the Escape key in the field.
 * @param {App} app
 * @param {HTMLTextAreaElement} field
 */
export function listenToCancel(app, field) {
  const cancel = () => {
    const chat = selectedChat(app.state);
    if (!chat?.editing && !chat?.replyTo) return false;
    Object.assign(chat, { replyTo: null, editing: null });
    field.focus();
    app.changed();
    return true;
  };
  onClick('composer-cancel', cancel);
  field.addEventListener('keydown', (event) => event.key === 'Escape' && cancel() && event.stopPropagation());
}

/**
 * @param {App} app
 * @param {import('../../state.js').Chat} chat
 * @param {string} text
 */
export function saveEdit(app, chat, text) {
  const entry = chat.editing;
  if (!entry || !isEditable(text)) return app.notices.say(t('message.tooLong'));
  if (!canEdit(chat, entry, Date.now() - EDITING_MS)) return app.notices.say(t('message.tooLate'));
  chat.editing = null;
  if (text !== entry.text) void edit(app, chat, entry, text);
  app.changed();
}
