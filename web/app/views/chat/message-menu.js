/**
 * Menu of a message: reactions, reply, edit and copy; it opens by its button, and by a long press on a touch screen.
 * @module
 */

import { canEdit, findMessage, react } from '../../chat/message-changes.js';
import { safeFileName, truncate } from '../../format.js';
import { copyText } from '../../share-address.js';
import { nameOf } from '../../state.js';
import { t } from '../../texts/translation.js';
import { create, dialog, element, icon, setAttribute } from '../dom.js';

/** @typedef {import('../../state.js').App} App */
/** @typedef {import('../../state.js').Chat} Chat */
/** @typedef {import('../../state.js').TextEntry} TextEntry */
/** @typedef {import('../../state.js').FileEntry} FileEntry */
/** @typedef {import('./entry-view.js').Row} Row */

const EMOJI = /** @type {const} */ ({ '👍': 'like', '❤️': 'love', '😂': 'laugh', '😮': 'wonder', '😢': 'sad', '🙏': 'thanks' });
/** A finger that stays so long, and so near, presses. */
const PRESS_MS = 500;
const PRESS_PX = 10;
/** Room between the menu and the edge of the window. */
const EDGE_PX = 8;

/** The bubble of the message whose menu is open. @type {Element | null} */
let anchor = null;

/** Close the menu by a click beside it, and keep it at its message when the window changes. */
export function messageMenu() {
  const menu = dialog('message-menu');
  menu.addEventListener('pointerdown', (event) => event.target === menu && menu.close());
  addEventListener('resize', () => menu.open && anchor && place(menu, anchor));
}

/**
 * Give a row of a message or file its menu and its reactions.
 * @param {App} app
 * @param {Chat} chat
 * @param {TextEntry | FileEntry} entry
 * @param {Row} row
 * @returns {Row}
 */
export function withMenu(app, chat, entry, row) {
  const open = () => openMenu(app, chat, entry, row.element.querySelector('.bubble') ?? opener);
  const opener = create('button', { class: 'icon-button menu-button', type: 'button', 'aria-haspopup': 'dialog', 'aria-label': t('message.actions'), onclick: open }, icon('more'));
  const [mine, theirs] = [create('span', { class: 'reaction' }), create('span', { class: 'reaction' })];
  const line = row.element.querySelector('.line');
  line?.append(opener);
  line?.after(create('p', { class: 'reactions' }, theirs, mine));
  onLongPress(/** @type {HTMLElement} */ (line), open);
  return {
    element: row.element,
    update: () => {
      row.update();
      setAttribute(row.element, 'data-message', entry.messageId);
      opener.hidden = entry.messageId === null && entry.kind === 'file';
      drawReaction(theirs, t('reaction.theirs', { name: nameOf(app.state, chat.address) }), entry.reactions.theirs);
      drawReaction(mine, t('reaction.mine'), entry.reactions.mine);
    },
  };
}

/**
 * Make the quote of the message that another one answers; a click goes there.
 * @param {App} app
 * @param {Chat} chat
 * @param {string | null} messageId
 * @returns {HTMLElement | null} null when nobody knows that message
 */
export function quoteOf(app, chat, messageId) {
  const target = findMessage(chat, messageId);
  if (!target || target.kind === 'note') return null;
  const author = target.mine ? t('message.you') : nameOf(app.state, chat.address);
  const show = () => {
    const row = element('logs').querySelector(`.log:not([hidden]) [data-message="${CSS.escape(messageId ?? '')}"]`);
    if (row instanceof HTMLElement) showRow(row);
  };
  const label = create('span', { class: 'sr' }, `${t('message.inAnswer')} `);
  return create('button', { class: 'quote', type: 'button', onclick: show }, label, create('bdi', { class: 'strong' }, author), create('span', { class: 'clip', dir: 'auto' }, summaryOf(target)));
}

/**
 * Bring a row into sight, and the focus there.
 * @param {HTMLElement} row
 */
export function showRow(row) {
  row.tabIndex = -1;
  row.scrollIntoView({ block: 'center' });
  row.focus({ preventScroll: true });
}

/**
 * @param {TextEntry | FileEntry} entry
 * @returns {string} one line, which does not steer how the sentence around it runs
 */
export function summaryOf(entry) {
  if (entry.kind === 'file') return safeFileName(entry.transfer.name).slice(0, 80);
  return truncate(entry.text).slice(0, 160).replace(/[\u202a-\u202e\u2066-\u2069]/g, '');
}

/**
 * @param {HTMLElement} target
 * @param {string} author
 * @param {string} emoji
 */
function drawReaction(target, author, emoji) {
  if (target.dataset.emoji === emoji) return;
  target.dataset.emoji = emoji;
  target.replaceChildren(...(emoji ? [create('span', { class: 'sr' }, `${author} `), emoji] : []));
}

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {TextEntry | FileEntry} entry
 * @param {Element} bubble
 */
function openMenu(app, chat, entry, bubble) {
  const menu = dialog('message-menu');
  const field = element('message');
  /** @param {() => unknown} run @param {boolean} [isWriting] whether the field is needed next */
  const act = (run, isWriting = false) => () => {
    menu.close();
    run();
    if (isWriting) field.focus();
    app.changed();
  };
  const emoji = Object.entries(EMOJI).map(([one, name]) => {
    const isMine = entry.reactions.mine === one;
    return create('button', { class: 'icon-button', type: 'button', 'aria-label': t(`reaction.${name}`), 'aria-pressed': String(isMine), onclick: act(() => react(app, chat, entry, one)) }, one);
  });
  const write = (/** @type {Partial<Chat>} */ what) => act(() => Object.assign(chat, { replyTo: null, editing: null }, what), true);
  const item = (/** @type {string} */ id, /** @type {string} */ text, /** @type {() => void} */ run) => create('button', { class: 'item', type: 'button', [`data-${id}`]: true, onclick: run }, text);
  const hasId = entry.messageId !== null;
  menu.replaceChildren();
  if (hasId) menu.append(create('div', { class: 'row', role: 'group', 'aria-label': t('message.reactions') }, ...emoji), item('reply', t('message.reply'), write({ replyTo: entry.messageId })));
  if (canEdit(chat, entry, Date.now())) menu.append(item('edit', t('message.edit'), write({ editing: /** @type {TextEntry} */ (entry) })));
  if (entry.kind === 'text') menu.append(item('copy', t('message.copy'), act(() => copyText(app, entry.text, t('message.copied')))));
  menu.showModal();
  anchor = bubble;
  place(menu, bubble);
}

/**
 * Put the menu under its message or above it, within the window.
 * @param {HTMLElement} menu
 * @param {Element} bubble
 */
function place(menu, bubble) {
  const at = bubble.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const within = (/** @type {number} */ wanted, /** @type {number} */ most) => `${Math.max(EDGE_PX, Math.min(wanted, most - EDGE_PX))}px`;
  menu.style.left = within(at.left + at.width / 2 - width / 2, innerWidth - width);
  menu.style.top = within(at.bottom + height + EDGE_PX > innerHeight ? at.top - height : at.bottom, innerHeight - height);
}

/**
 * @param {HTMLElement} target
 * @param {() => void} run
 */
function onLongPress(target, run) {
  let timer = 0;
  let [x, y] = [0, 0];
  const cancel = () => clearTimeout(timer);
  target.addEventListener('pointerdown', (event) => {
    cancel();
    const isOnLink = event.target instanceof Element && event.target.closest('a, button, audio, video');
    if (event.pointerType !== 'touch' || isOnLink) return;
    [x, y] = [event.clientX, event.clientY];
    timer = window.setTimeout(run, PRESS_MS);
  });
  target.addEventListener('pointermove', (event) => Math.hypot(event.clientX - x, event.clientY - y) > PRESS_PX && cancel());
  for (const name of ['pointerup', 'pointercancel', 'pointerleave']) target.addEventListener(name, cancel);
}
