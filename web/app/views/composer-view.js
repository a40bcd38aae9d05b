/**
 * Writing and giving files: the field, the button, dropping and pasting.
 * @module
 */

import { sendFiles, sendText } from '../chat.js';
import { byId, element, input, onClick, show } from './dom.js';
import { selectedTalk } from '../state.js';

/** @typedef {import('../state.js').App} App */

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
  const openTalk = () => {
    const talk = selectedTalk(state);
    return talk?.peer ? talk : null; // while it reconnects, messages wait
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const talk = openTalk();
    if (!talk || field.value.trim() === '') return;
    sendText(app, talk, field.value);
    field.value = talk.draft = '';
    fit(field);
    field.focus();
  });
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  field.addEventListener('input', () => {
    const talk = selectedTalk(state);
    if (talk) talk.draft = field.value;
    fit(field);
  });

  /** @param {FileList | undefined | null} files */
  const give = (files) => {
    const talk = openTalk();
    if (talk && files) sendFiles(app, talk, files);
  };
  onClick('attach', () => input('file').click());
  input('file').addEventListener('change', () => {
    give(input('file').files);
    input('file').value = '';
  });
  field.addEventListener('paste', (event) => {
    const files = event.clipboardData?.files;
    if (!files?.length) return;
    event.preventDefault();
    give(files);
  });
  takeDrops(() => openTalk() !== null, give);

  return () => {
    if (drawn === state.selected) return;
    drawn = state.selected;
    field.value = selectedTalk(state)?.draft ?? '';
    fit(field);
  };
}

/**
 * Take what is dropped on the conversation. Elsewhere a drop does nothing: a browser would open the file.
 * @param {() => boolean} canTake
 * @param {(files: FileList | undefined) => void} give
 */
function takeDrops(canTake, give) {
  const hint = element('drop-hint');
  /** @param {DragEvent} event */
  const isForUs = (event) => canTake() && event.target instanceof Node && element('talk').contains(event.target);
  document.addEventListener('dragover', (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = isForUs(event) ? 'copy' : 'none';
    show(hint, isForUs(event));
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) show(hint, false);
  });
  document.addEventListener('drop', (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    show(hint, false);
    if (isForUs(event)) give(event.dataTransfer.files);
  });
}

/**
 * Make the field as high as its text; the style sheet says how high at most.
 * @param {HTMLTextAreaElement} field
 */
function fit(field) {
  field.style.height = 'auto';
  field.style.height = `${field.scrollHeight + 2}px`;
}
