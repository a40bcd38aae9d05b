/**
 * Composer: the field for messages, the button for files, dropping and pasting.
 * @module
 */

import { sendFiles, sendText } from '../../conversation.js';
import { tellTyping } from '../../peer-control.js';
import { selectedChat } from '../../state.js';
import { byId, element, input, onClick, setShown } from '../dom.js';

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
  /** @type {string | null} */
  let drawn = null;
  const openChat = () => {
    const chat = selectedChat(state);
    return chat?.peer ? chat : null; // while it reconnects, messages wait
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const chat = selectedChat(state);
    if (!chat || field.value.trim() === '') return;
    sendText(app, chat, field.value);
    field.value = chat.draft = '';
    fit(field);
    field.focus();
  });
  listenToTyping(field, form);
  field.addEventListener('input', () => {
    const chat = selectedChat(state);
    if (!chat) return;
    chat.draft = field.value;
    tellTyping(chat);
    app.talks.save();
    fit(field);
  });

  listenToFiles(app, field, openChat);

  return () => {
    setShown(element('attach'), openChat() !== null);
    if (drawn === state.selected) return;
    drawn = state.selected;
    field.value = selectedChat(state)?.draft ?? '';
    fit(field);
  };
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
