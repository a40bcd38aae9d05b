/**
 * One entry of a conversation: a message, a file, or something that happened. All of it is text that peers chose.
 * @module
 */

import { send } from '../chat.js';
import { saveText } from './download.js';
import { fileRow } from './file-view.js';
import { MAX_SHOWN, dayOf, glance, timeOf } from '../format.js';
import { h, icon, mark, write } from './dom.js';

/** @typedef {import('../state.js').App} App */
/** @typedef {import('../state.js').Talk} Talk */
/** @typedef {import('../state.js').Entry} Entry */
/** @typedef {import('../state.js').TextEntry} TextEntry */
/** @typedef {{element: HTMLElement, update: () => void}} Row */

/** What is said within that time is one thought, with one time under it. */
const TOGETHER_MS = 3 * 60_000;

const MARKS = { sending: 'Sending', sent: 'Sent', delivered: 'Delivered', failed: 'Not sent' };

/**
 * @param {App} app
 * @param {Talk} talk
 * @param {Entry} entry
 * @param {Entry | null} before the one above it
 * @returns {Row}
 */
export function rowOf(app, talk, entry, before) {
  const row = makeRow(app, talk, entry);
  const day = dayOf(entry.at, new Date());
  if (!before || before.at.toDateString() !== entry.at.toDateString()) {
    row.element.prepend(h('p', { class: 'day' }, h('time', { datetime: entry.at.toISOString() }, day)));
  }
  const isNear = before !== null && entry.at.getTime() - before.at.getTime() < TOGETHER_MS;
  const isJoined = isNear && entry.kind !== 'note' && before.kind !== 'note' && before.mine === entry.mine;
  mark(row.element, 'data-joined', isJoined);
  return row;
}

/**
 * @param {App} app
 * @param {Talk} talk
 * @param {Entry} entry
 * @returns {Row}
 */
function makeRow(app, talk, entry) {
  if (entry.kind === 'text') return textRow(app, talk, entry);
  if (entry.kind === 'file') return fileRow(entry);
  const text = h('p', { class: 'note', dir: 'auto' }, entry.text, ' · ', timeElement(entry.at));
  return { element: h('li', { class: 'entry', 'data-kind': 'note' }, text), update: () => undefined };
}

/**
 * @param {App} app
 * @param {Talk} talk
 * @param {TextEntry} entry
 * @returns {Row}
 */
function textRow(app, talk, entry) {
  const again = h('button', { class: 'button small', type: 'button', hidden: true, onclick: () => void send(app, talk, entry) }, 'Send again');
  const said = h('span', { class: 'sr' });
  const sign = h('span', { class: 'mark' });
  const meta = h('span', { class: 'meta' }, timeElement(entry.at), entry.mine && sign, entry.mine && said);
  const line = h('div', { class: 'line' }, bubble(entry), meta);
  const author = h('span', { class: 'sr' }, entry.mine ? 'You wrote: ' : 'They wrote: ');
  const element = h('li', { class: `entry ${entry.mine ? 'mine' : 'theirs'}`, 'data-kind': 'text' }, author, line, again);
  const update = () => {
    if (!entry.mine || element.dataset.state === entry.mark) return;
    element.dataset.state = entry.mark;
    mark(element, 'data-delivered', entry.mark === 'delivered');
    write(said, MARKS[entry.mark]);
    mark(meta, 'title', MARKS[entry.mark]);
    sign.replaceChildren(icon(entry.mark));
    again.hidden = entry.mark !== 'failed';
  };
  return { element, update };
}

/**
 * A message in its shape. A long one is cut, with a button for the rest; what is too long to lay out is saved.
 * @param {TextEntry} entry
 */
function bubble({ text, isCode }) {
  const first = glance(text);
  const content = h('div', { class: isCode ? 'text code' : 'text', dir: isCode ? 'ltr' : 'auto' }, first);
  if (first.length === text.length) return h('div', { class: 'bubble' }, content);
  const isShowable = text.length <= MAX_SHOWN;
  const reveal = () => {
    if (!isShowable) return saveText(isCode ? 'message.json' : 'message.txt', text);
    content.textContent = text;
    more.remove();
  };
  const size = `${text.length.toLocaleString()} characters`;
  const more = h('button', { class: 'more', type: 'button', onclick: reveal }, `${isShowable ? 'Show all' : 'Save all'} (${size})`);
  content.append('…');
  return h('div', { class: 'bubble' }, content, more);
}

/** @param {Date} at */
export function timeElement(at) {
  return h('time', { datetime: at.toISOString() }, timeOf(at));
}
