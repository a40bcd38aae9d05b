/**
 * Entry of a chat that is a file.
 * @module
 */

import { paceOf } from '../../chat/transfer-speed.js';
import { codeOf, wordsOf } from '../../error-messages.js';
import { PREVIEWED, formatBytes, formatDuration, safeFileName } from '../../format.js';
import { t } from '../../texts/translation.js';
import { create, icon, setAttribute, setShown, setText, timeElement } from '../dom.js';
import { saveFile } from '../download.js';
import { openFile } from './file-viewer.js';
import { preview } from './media-preview.js';

/** @typedef {import('../../state.js').FileEntry} FileEntry */

/**
 * @param {FileEntry} entry
 * @returns {import('./entry-view.js').Row}
 */
export function fileRow(entry) {
  const { transfer } = entry;
  const name = safeFileName(transfer.name);
  const status = create('span', { class: 'small muted' });
  const bar = create('progress', { 'aria-label': t('file.progress', { name }), max: Math.max(transfer.size, 1), value: 0 });
  const { buttons, drawButtons } = fileButtons(entry, name);
  const title = create('span', { class: 'file-name', title: name, dir: 'auto' }, name);
  const head = create('div', { class: 'file-head' }, create('span', { class: 'file-icon' }, icon('file')), create('span', { class: 'grow file-text' }, title, status));
  const box = create('div', { class: 'bubble file' }, head, bar, create('div', { class: 'row end' }, ...buttons));
  const line = create('div', { class: 'line' }, box, create('span', { class: 'meta' }, timeElement(entry.at)));
  const author = create('span', { class: 'sr' }, `${entry.mine ? t('file.yours') : t('file.theirs')} `);
  const element = create('li', { class: `entry ${entry.mine ? 'mine' : 'theirs'}`, 'data-kind': 'file' }, author, line);
  let isPreviewed = false;
  /** @type {import('../../chat/transfer-speed.js').Start | null} */ let began = null;
  const update = () => {
    const { state } = transfer;
    setAttribute(element, 'data-state', state);
    if (state === 'running') began ??= { bytes: transfer.transferred, at: performance.now() };
    const running = statusOf(entry);
    setText(status, state === 'running' && began ? withPace(running, paceOf(transfer, began, performance.now())) : running);
    setAttribute(bar, 'value', transfer.transferred);
    setShown(bar, state === 'running');
    drawButtons();
    if (entry.blob && state === 'done' && !isPreviewed) {
      isPreviewed = true;
      const seen = preview(entry.blob, transfer.type, name);
      seen?.addEventListener('error', () => seen.remove()); // a format that this browser does not know: it can still be saved
      if (seen) box.prepend(seen);
    }
  };
  return { element, update };
}

/**
 * @param {FileEntry} entry
 * @param {string} name of the file, as it is shown
 */
function fileButtons(entry, name) {
  const { transfer, mine } = entry;
  /** @param {'accept' | 'decline' | 'cancel' | 'open' | 'save'} act @param {() => unknown} run @param {string} [look] */
  const action = (act, run, look = '') => {
    const label = t(`file.${act}Named`, { name });
    return create('button', { class: `button small ${look}`, type: 'button', [`data-${act}-file`]: true, 'aria-label': label, onclick: () => void run() }, t(`file.${act}`));
  };
  const take = action('accept', () => transfer.accept(), 'primary');
  const refuse = action('decline', () => transfer.cancel());
  const cancel = action('cancel', () => transfer.cancel());
  const open = action('open', () => entry.blob && openFile(name, transfer.type, entry.blob));
  const save = action('save', () => entry.blob && saveFile(name, entry.blob), 'primary');
  const drawButtons = () => {
    const { state } = transfer;
    const isThere = entry.blob !== null && state === 'done';
    for (const each of [take, refuse]) setShown(each, state === 'waiting' && !mine);
    setShown(cancel, state === 'running' || (state === 'waiting' && mine));
    setShown(open, isThere && PREVIEWED.includes(transfer.type));
    setShown(save, isThere);
  };
  return { buttons: [refuse, take, cancel, open, save], drawButtons };
}

/**
 * Add speed and time left, as soon as they are known.
 * @param {string} running
 * @param {ReturnType<typeof paceOf>} pace
 */
function withPace(running, pace) {
  return pace ? t('file.pace', { running, speed: formatBytes(pace.bytesPerSecond), time: formatDuration(pace.msLeft) }) : running;
}

/** @param {FileEntry} entry */
function statusOf({ transfer, mine, error }) {
  const size = formatBytes(transfer.size);
  const states = {
    waiting: mine ? t('file.waitsForThem', { size }) : t('file.waitsForYou', { size }),
    running: t('file.running', { part: formatBytes(transfer.transferred), size }),
    done: mine ? t('file.sent', { size }) : t('file.received', { size }),
    failed: codeOf(error) === 'transfer_cancelled' ? t('file.cancelled', { size }) : t('file.failed', { size, reason: wordsOf(error).title }),
  };
  return states[transfer.state];
}
