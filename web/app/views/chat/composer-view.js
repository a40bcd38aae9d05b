/**
 * Composer: the field for messages, the button for files, dropping and pasting.
 * @module
 */

import { tellTyping } from '../../chat/control-messages.js';
import { sendFiles } from '../../chat/file-messages.js';
import { sendText } from '../../chat/text-messages.js';
import { selectedChat } from '../../state.js';
import { LETTER_FROM_THE_RIGHT, t } from '../../texts/translation.js';
import { byId, element, input, onClick, setAttribute, setShown } from '../dom.js';
import { drawContext, listenToCancel, saveEdit } from './composer-context.js';

/** @typedef {import('../../state.js').App} App */

/** Longer texts are a file, when they are pasted: a browser lays out no more in time. */
const MAX_PASTED = 16_000;
const MAX_FITTED = 16_000;

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
    return chat?.phase === 'open' ? chat : null; // while it reconnects, files can't be sent
  };

  listenToSubmit(app, field, form);
  listenToCancel(app, field);
  listenToTyping(app, field);
  listenToFiles(app, field, openChat);

  return () => {
    const chat = selectedChat(state);
    setShown(element('attach'), Boolean(chat?.peer));
    drawContext(app, chat);
    const shown = chat?.editing ?? state.selected;
    if (drawn === shown) return;
    drawn = shown;
    const text = chat?.editing?.text ?? chat?.draft ?? '';
    if (text.length > MAX_FITTED) setLong(field, text);
    field.value = text;
    fit(field);
  };
}

/**
 * Send by the button and by the Enter key; with Shift it makes a line.
 * @param {App} app
 * @param {HTMLTextAreaElement} field
 * @param {HTMLFormElement} form
 */
function listenToSubmit(app, field, form) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const chat = selectedChat(app.state);
    if (!chat || field.value.trim() === '') return;
    field.focus();
    if (chat.editing) return saveEdit(app, chat, field.value);
    sendText(app, chat, field.value);
    field.value = chat.draft = '';
    fit(field);
  });
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
}

/**
 * Keep the draft, and tell that somebody types.
 * @param {App} app
 * @param {HTMLTextAreaElement} field
 */
function listenToTyping(app, field) {
  field.addEventListener('input', () => {
    const chat = selectedChat(app.state);
    if (!chat) return;
    if (!chat.editing) chat.draft = field.value;
    tellTyping(chat);
    app.chatRepository.save();
    fit(field);
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
  listenToPaste(app, field, give);
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
 * @param {App} app
 * @param {HTMLTextAreaElement} field
 * @param {(files: Iterable<File> | null | undefined) => boolean} give returns whether somebody is there to take them
 */
function listenToPaste(app, field, give) {
  field.addEventListener('paste', (event) => {
    const { files, text } = readPasted(event);
    if (!files.length && text.length <= MAX_PASTED) return;
    event.preventDefault();
    if (give(files.length ? files : [new File([text], 'text.txt', { type: 'text/plain' })])) return;
    if (files.length) return app.notices.say(t('composer.away'));
    setLong(field, text); // nobody is there to take a file: it waits as a message
    field.setRangeText(text, field.selectionStart, field.selectionEnd, 'end');
    field.dispatchEvent(new InputEvent('input', { bubbles: true }));
  });
}

/** @param {ClipboardEvent} event */
function readPasted({ clipboardData }) {
  return { files: [...(clipboardData?.files ?? [])], text: clipboardData?.getData('text/plain') ?? '' };
}

/**
 * Take what is dropped on the chat. Elsewhere a drop does nothing: a browser would open the file.
 * @param {() => boolean} canTake
 * @param {(files: FileList | undefined) => unknown} give
 */
function listenToDrops(canTake, give) {
  const hint = element('drop-hint');
  /** @param {DragEvent} event */
  const isForUs = (event) => canTake() && event.target instanceof Node && element('chat').contains(event.target);
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
 * Get ready for a long text, before it is in the field: Chromium takes quadratic time for one whose direction it has to find.
 * @param {HTMLTextAreaElement} field
 * @param {string | null} text null for a short one
 */
function setLong(field, text) {
  const [letter = ''] = /\p{L}/u.exec(text ?? '') ?? [];
  setAttribute(field, 'data-long', text !== null);
  setAttribute(field, 'dir', text === null ? 'auto' : LETTER_FROM_THE_RIGHT.test(letter) ? 'rtl' : 'ltr');
}

/**
 * Make the field as high as its text; the style sheet says how high at most. A long text has the whole height at once: to measure it takes seconds.
 * @param {HTMLTextAreaElement} field
 */
function fit(field) {
  const isLong = field.value.length > MAX_FITTED;
  setLong(field, isLong ? field.value : null);
  if (isLong) field.style.removeProperty('height');
  if (isLong || CSS.supports('field-sizing', 'content')) return; // the style sheet does it
  field.style.height = 'auto';
  field.style.height = `${field.scrollHeight + 2}px`;
}
