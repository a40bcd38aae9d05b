/**
 * A file on its way.
 * @module
 */

import { saveFile } from './download.js';
import { timeElement } from './entry-view.js';
import { formatBytes, safeFileName } from '../format.js';
import { h, icon, mark, show, write } from './dom.js';
import { codeOf, wordsOf } from '../words.js';

/** @typedef {import('../state.js').FileEntry} FileEntry */

/**
 * @param {FileEntry} entry
 * @returns {import('./entry-view.js').Row}
 */
export function fileRow(entry) {
  const { transfer } = entry;
  const name = safeFileName(transfer.name);
  const status = h('span', { class: 'small muted' });
  const bar = h('progress', { 'aria-label': `Progress of ${name}`, max: Math.max(transfer.size, 1), value: 0 });
  /** @param {string} id @param {string} text @param {() => unknown} run @param {string} [look] */
  const action = (id, text, run, look = '') =>
    h('button', { class: `button small ${look}`, type: 'button', [`data-${id}`]: true, 'aria-label': `${text} ${name}`, onclick: () => void run() }, text);
  const take = action('accept-file', 'Accept', () => transfer.accept(), 'primary');
  const refuse = action('decline-file', 'Decline', () => transfer.cancel());
  const cancel = action('cancel-file', 'Cancel', () => transfer.cancel());
  const save = action('save-file', 'Save', () => entry.blob && saveFile(name, entry.blob), 'primary');
  const title = h('span', { class: 'file-name', title: name, dir: 'auto' }, name);
  const head = h('div', { class: 'file-head' }, h('span', { class: 'file-icon' }, icon('file')), h('span', { class: 'grow file-text' }, title, status));
  const box = h('div', { class: 'bubble file' }, head, bar, h('div', { class: 'row end' }, refuse, take, cancel, save));
  const line = h('div', { class: 'line' }, box, h('span', { class: 'meta' }, timeElement(entry.at)));
  const author = h('span', { class: 'sr' }, entry.mine ? 'Your file: ' : 'Their file: ');
  const element = h('li', { class: `entry ${entry.mine ? 'mine' : 'theirs'}`, 'data-kind': 'file' }, author, line);
  const update = () => {
    const { state } = transfer;
    const isAsked = state === 'waiting' && !entry.mine;
    mark(element, 'data-state', state);
    write(status, statusOf(entry));
    mark(bar, 'value', transfer.transferred);
    show(bar, state === 'running');
    show(take, isAsked);
    show(refuse, isAsked);
    show(cancel, state === 'running' || (state === 'waiting' && entry.mine));
    show(save, entry.blob !== null);
  };
  return { element, update };
}

/** @param {FileEntry} entry */
function statusOf({ transfer, mine, error }) {
  const size = formatBytes(transfer.size);
  const states = {
    waiting: mine ? `${size} · waiting for their yes` : `${size} · wants to send you this`,
    running: `${formatBytes(transfer.transferred)} of ${size}`,
    done: mine ? `${size} · sent` : `${size} · received`,
    failed: codeOf(error) === 'transfer_cancelled' ? `${size} · cancelled` : `${size} · ${wordsOf(error).title.toLowerCase()}`,
  };
  return states[transfer.state];
}
