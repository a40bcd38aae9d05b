/**
 * One entry of a chat: a message, a file, or something that happened. All of it is text that peers chose.
 * @module
 */

import { send } from '../../chat/text-messages.js';
import { MAX_SHOWN, dayOf, truncate } from '../../format.js';
import { t } from '../../texts/translation.js';
import { create, icon, setAttribute, setText, timeElement } from '../dom.js';
import { saveText } from '../download.js';
import { fileRow } from './file-entry-view.js';
import { withLinks } from './message-links.js';
import { quoteOf, withMenu } from './message-menu.js';

/** @typedef {import('../../state.js').App} App */
/** @typedef {import('../../state.js').Chat} Chat */
/** @typedef {import('../../state.js').Entry} Entry */
/** @typedef {import('../../state.js').TextEntry} TextEntry */
/** @typedef {{element: HTMLElement, update: () => void}} Row */

/** What is said within that time is one thought, with one time under it. */
const TOGETHER_MS = 3 * 60_000;

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {Entry} entry
 * @param {Entry | null} before the one above it
 * @returns {Row}
 */
export function rowOf(app, chat, entry, before) {
  const row = makeRow(app, chat, entry);
  const day = dayOf(entry.at, new Date());
  if (!before || before.at.toDateString() !== entry.at.toDateString()) {
    row.element.prepend(create('p', { class: 'day' }, create('time', { datetime: entry.at.toISOString() }, day)));
  }
  const isNear = before !== null && entry.at.getTime() - before.at.getTime() < TOGETHER_MS;
  const isJoined = isNear && entry.kind !== 'note' && before.kind !== 'note' && before.mine === entry.mine;
  setAttribute(row.element, 'data-joined', isJoined);
  return row;
}

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {Entry} entry
 * @returns {Row}
 */
function makeRow(app, chat, entry) {
  if (entry.kind !== 'note') return withMenu(app, chat, entry, entry.kind === 'text' ? textRow(app, chat, entry) : fileRow(entry));
  const text = create('p', { class: 'note', dir: 'auto' }, entry.text, ' · ', timeElement(entry.at));
  return { element: create('li', { class: 'entry', 'data-kind': 'note' }, text), update: () => undefined };
}

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {TextEntry} entry
 * @returns {Row}
 */
function textRow(app, chat, entry) {
  const again = create('button', { class: 'button small', type: 'button', hidden: true, onclick: () => void send(app, chat, entry) }, t('chat.sendAgain'));
  const said = create('span', { class: 'sr' });
  const sign = create('span', { class: 'mark' });
  const waits = create('p', { class: 'waits muted small', hidden: true }, t('mark.waiting'));
  const edited = create('span', { hidden: true }, t('message.edited'));
  const meta = create('span', { class: 'meta' }, edited, timeElement(entry.at), entry.mine && sign, entry.mine && said);
  const quote = quoteOf(app, chat, entry.reply);
  const bubble = create('div', { class: 'bubble' });
  const line = create('div', { class: 'line' }, bubble, meta);
  let drawn = '';
  const author = create('span', { class: 'sr' }, `${entry.mine ? t('chat.youWrote') : t('chat.theyWrote')} `);
  const element = create('li', { class: `entry ${entry.mine ? 'mine' : 'theirs'}`, 'data-kind': 'text' }, author, line, waits, again);
  const update = () => {
    if (drawn !== entry.text) bubble.replaceChildren(...(quote ? [quote] : []), ...contentOf(entry));
    drawn = entry.text;
    edited.hidden = entry.edits === 0;
    if (!entry.mine || element.dataset.state === entry.mark) return;
    element.dataset.state = entry.mark;
    setAttribute(element, 'data-delivered', entry.mark === 'delivered' || entry.mark === 'read');
    setText(said, t(`mark.${entry.mark}`));
    setAttribute(meta, 'title', t(`mark.${entry.mark}`));
    sign.replaceChildren(icon(entry.mark === 'waiting' ? 'sending' : entry.mark));
    waits.hidden = entry.mark !== 'waiting';
    again.hidden = entry.mark !== 'failed';
  };
  return { element, update };
}

/**
 * What is in a message. A long one is cut, with a button for the rest; what is too long to lay out is saved.
 * @param {TextEntry} entry
 * @returns {HTMLElement[]}
 */
function contentOf({ text, isCode }) {
  const first = truncate(text);
  const content = create('div', { class: isCode ? 'text code' : 'text', dir: isCode ? 'ltr' : 'auto' }, ...(isCode ? [first] : withLinks(first)));
  if (first.length === text.length) return [content];
  const isShowable = text.length <= MAX_SHOWN;
  const reveal = () => {
    if (!isShowable) return saveText(isCode ? 'message.json' : 'message.txt', text);
    content.replaceChildren(...(isCode ? [text] : withLinks(text)));
    more.remove();
  };
  const count = text.length;
  const more = create('button', { class: 'more', type: 'button', onclick: reveal }, isShowable ? t('chat.showAll', { count }) : t('chat.saveAll', { count }));
  content.append('…');
  return [content, more];
}
