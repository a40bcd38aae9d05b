/**
 * Composer: the field for messages, the button for files, dropping and pasting.
 * @module
 */

import { isEditable } from '../../chat/chat-values.js';
import { canEdit, edit, findMessage } from '../../chat/message-changes.js';
import { sendFiles, sendText } from '../../conversation.js';
import { tellTyping } from '../../peer-control.js';
import { nameOf, selectedChat } from '../../state.js';
import { byId, element, input, onClick, setShown, setText } from '../dom.js';
import { summaryOf } from './message-menu.js';

/** @typedef {import('../../state.js').App} App */

/** Longer texts are a file, when they are pasted: a browser lays out no more in time. */
const MAX_PASTED = 16_000;
const MAX_FITTED = 16_000;
/** Who began to edit in time may end the sentence. */
const EDITING_MS = 30_000;

/**
 * @param {App} app
 * @returns {() => void} draw
 */
export function composerView(app) {
  const { state } = app;
  const field = byId('message', HTMLTextAreaElement);
  const form = byId('composer', HTMLFormElement);
  /** What is in the field: the draft of somebody, or a message. @type {unknown} */
  let drawn = null;
  const openChat = () => {
    const chat = selectedChat(state);
    return chat?.peer ? chat : null; // while it reconnects, messages wait
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const chat = selectedChat(state);
    if (!chat || field.value.trim() === '') return;
    field.focus();
    if (chat.editing) return saveEdit(app, chat, field.value);
    sendText(app, chat, field.value);
    field.value = chat.draft = '';
    fit(field);
  });
  listenToCancel(app, field);
  listenToTyping(field, form);
  field.addEventListener('input', () => {
    const chat = selectedChat(state);
    if (!chat) return;
    if (!chat.editing) chat.draft = field.value;
    tellTyping(chat);
    app.talks.save();
    fit(field);
  });

  listenToFiles(app, field, openChat);

  return () => {
    const chat = selectedChat(state);
    setShown(element('attach'), openChat() !== null);
    drawContext(app, chat);
    const shown = chat?.editing ?? state.selected;
    if (drawn === shown) return;
    drawn = shown;
    field.value = chat?.editing?.text ?? chat?.draft ?? '';
    fit(field);
  };
}

/**
 * Say which message is answered or edited.
 * @param {App} app
 * @param {import('../../state.js').Chat | null} chat
 */
function drawContext(app, chat) {
  if (chat?.editing && !chat.entries.includes(chat.editing)) chat.editing = null; // the talk was deleted
  const answered = chat && findMessage(chat, chat.replyTo);
  const author = chat && answered && answered.kind !== 'note' ? (answered.mine ? 'yourself' : nameOf(app.state, chat.address)) : '';
  const reply = answered && answered.kind !== 'note' ? `Answer to ${author}: ${summaryOf(answered)}` : '';
  const text = chat?.editing ? 'Edit your message' : reply;
  setShown(element('composer-context'), text !== '' && !byId('composer', HTMLFormElement).hidden);
  setText(element('composer-about'), text);
}

/**
 * Answer or edit no more: by the button, or by the Escape key in the field.
 * @param {App} app
 * @param {HTMLTextAreaElement} field
 */
function listenToCancel(app, field) {
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
function saveEdit(app, chat, text) {
  const entry = chat.editing;
  if (!entry || !isEditable(text)) return app.notices.say('A message of that length can only be sent anew');
  if (!canEdit(chat, entry, Date.now() - EDITING_MS)) return app.notices.say('It is too late to edit this message, or nobody is connected');
  chat.editing = null;
  if (text !== entry.text) void edit(app, chat, entry, text);
  app.changed();
}

/**
 * Send by the Enter key; with Shift it makes a line.
 * @param {HTMLTextAreaElement} field
 * @param {HTMLFormElement} form
 */
function listenToTyping(field, form) {
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
}

/**
 * @param {App} app
 * @param {HTMLTextAreaElement} field
 * @param {() => import('../../state.js').Chat | null} openChat
 */
function listenToFiles(app, field, openChat) {
  /** @param {Iterable<File> | undefined | null} files */
  const give = (files) => {
    const chat = openChat();
    if (chat && files) sendFiles(app, chat, files);
    return chat !== null;
  };
  listenToChoice(give);
  listenToPaste(field, give);
  listenToDrops(() => openChat() !== null, give);
}

/** @param {(files: FileList | null) => unknown} give */
function listenToChoice(give) {
  onClick('attach', () => input('file').click());
  input('file').addEventListener('change', () => {
    give(input('file').files);
    input('file').value = '';
  });
}

/**
 * @param {HTMLTextAreaElement} field
 * @param {(files: Iterable<File> | null | undefined) => boolean} give returns whether somebody is there to take them
 */
function listenToPaste(field, give) {
  field.addEventListener('paste', (event) => {
    const { files, text } = pasted(event);
    const isLong = text.length > MAX_PASTED;
    if (!files.length && !(isLong && give([new File([text], 'text.txt', { type: 'text/plain' })]))) return;
    event.preventDefault();
    if (files.length) give(files);
  });
}

/** @param {ClipboardEvent} event */
function pasted({ clipboardData }) {
  return { files: [...(clipboardData?.files ?? [])], text: clipboardData?.getData('text/plain') ?? '' };
}

/**
 * Take what is dropped on the conversation. Elsewhere a drop does nothing: a browser would open the file.
 * @param {() => boolean} canTake
 * @param {(files: FileList | undefined) => unknown} give
 */
function listenToDrops(canTake, give) {
  const hint = element('drop-hint');
  /** @param {DragEvent} event */
  const isForUs = (event) => canTake() && event.target instanceof Node && element('talk').contains(event.target);
  document.addEventListener('dragover', (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = isForUs(event) ? 'copy' : 'none';
    setShown(hint, isForUs(event));
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) setShown(hint, false);
  });
  document.addEventListener('drop', (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    setShown(hint, false);
    if (isForUs(event)) give(event.dataTransfer.files);
  });
}

/**
 * Make the field as high as its text; the style sheet says how high at most.
 * @param {HTMLTextAreaElement} field
 */
function fit(field) {
  if (field.value.length > MAX_FITTED || CSS.supports('field-sizing', 'content')) return; // the style sheet does it
  field.style.height = 'auto';
  field.style.height = `${field.scrollHeight + 2}px`;
}
