/**
 * Contact list, with unread markers and call states.
 * @module
 */

import { select } from '../calls.js';
import { endSearch, normalize, searchEntries, snippetOf } from '../chat/search.js';
import { shortAddress } from '../display-names.js';
import { safeFileName } from '../format.js';
import { copyText, shareLink } from '../share-address.js';
import { nameOf, titleOf } from '../state.js';
import { recall } from '../storage/web-storage.js';
import { localeOfTexts, t } from '../texts/translation.js';
import { avatar, drawAvatar } from './avatar.js';
import { create, element, input, onClick, setAttribute, setShown, setText } from './dom.js';

/** @typedef {import('../state.js').App} App */
/** @typedef {import('../state.js').Chat} Chat */
/** @typedef {import('../state.js').Entry} Entry */
/** @typedef {{item: HTMLElement, button: HTMLButtonElement, sign: HTMLElement, name: HTMLElement, line: HTMLElement, badge: HTMLElement}} Row */

/** So many people, or messages, are not looked through by eye. */
const MANY = 7;
const MANY_ENTRIES = 30;
/** @type {Record<import('../state.js').State['phase'], import('../texts/translation.js').Key>} */
const STATUS = { loading: 'people.you', off: 'people.you', starting: 'common.ready', on: 'people.you', failed: 'people.unreachable' };

/**
 * @param {App} app
 * @param {{addPerson: () => void, openSettings: () => void}} dialogs
 * @returns {() => void} draw
 */
export function contactListView(app, { addPerson, openSettings }) {
  const { state } = app;
  /** @type {Map<string, Row>} */
  const rows = new Map();
  const search = input('search');
  search.addEventListener('input', app.changed);
  const mine = () => state.identity?.address ?? '';

  onClick('add-person', addPerson);
  onClick('empty-add', addPerson);
  onClick('open-settings', openSettings);
  onClick('copy-address', () => copyText(app, mine(), t('common.addressCopied')));
  for (const id of ['share-link', 'empty-share']) onClick(id, () => shareLink(app, mine()));

  /** Open a chat, at the message that was searched for. @param {string} address */
  const open = (address) => {
    const chat = state.chats.get(address);
    if (chat) chat.sought = searchEntries(chat.entries, normalize(search.value)) ?? null;
    select(app, address);
  };

  return () => {
    drawMe(state.phase, mine());
    const all = inOrder(app);
    const wanted = normalize(search.value);
    setShown(search, all.length >= MANY || wanted !== '' || countEntries(app) >= MANY_ENTRIES);
    const found = findMessages(app, all, wanted);
    const everyone = all.filter((one) => found.get(one) || normalize(titleOf(state, one)).includes(wanted));
    for (const [known, { item }] of rows) {
      if (everyone.includes(known)) continue;
      item.remove();
      rows.delete(known);
    }
    everyone.forEach((one, at) => {
      const row = rows.get(one) ?? newRow(one, () => open(one));
      rows.set(one, row);
      drawRow(app, one, row, snippetOf(found.get(one), wanted));
      const list = element('people-list');
      if (list.children[at] !== row.item) list.insertBefore(row.item, list.children[at] ?? null);
    });
    setShown(element('people-empty'), all.length === 0);
  };
}

/**
 * @param {import('../state.js').State['phase']} phase
 * @param {string} address mine
 */
function drawMe(phase, address) {
  const name = recall('whisper.name') ?? '';
  drawAvatar(element('my-avatar'), address, name);
  setText(element('my-status'), name && phase === 'on' ? t('people.youNamed', { name }) : t(STATUS[phase]));
  setText(element('my-address'), shortAddress(address));
  setAttribute(element('my-address'), 'data-address', address);
  setAttribute(element('my-address'), 'title', address);
}

/**
 * Move the focus to a person's row, or to the top.
 * @param {string | null} address
 */
export function focusPerson(address) {
  const row = [...document.querySelectorAll('.person')].find((one) => one instanceof HTMLElement && one.dataset.address === address);
  (row instanceof HTMLElement ? row : element('brand')).focus();
}

/**
 * @param {App} app
 * @param {readonly string[]} addresses
 * @param {string} wanted a part of a message, normalized
 * @returns {Map<string, Entry | undefined>} the newest in each chat, by address
 */
function findMessages({ state }, addresses, wanted) {
  if (wanted === '') endSearch();
  return new Map(addresses.map((one) => [one, searchEntries(state.chats.get(one)?.entries ?? [], wanted)]));
}

/** @param {App} app */
function countEntries({ state }) {
  return [...state.chats.values()].reduce((sum, { entries }) => sum + entries.length, 0);
}

/** @param {App} app */
function inOrder({ state }) {
  const addresses = [...new Set([...state.contacts.keys(), ...state.chats.keys(), ...state.screening.blocked])];
  const rank = (/** @type {string} */ address) => {
    const chat = state.chats.get(address);
    return !chat || (chat.phase === 'idle' && !chat.missed && !chat.unread) ? 1 : 0;
  };
  const last = (/** @type {string} */ address) => state.chats.get(address)?.entries.at(-1)?.at.getTime() ?? 0;
  return addresses.sort((one, other) => rank(one) - rank(other) || last(other) - last(one) || nameOf(state, one).localeCompare(nameOf(state, other)));
}

/**
 * @param {string} address
 * @param {() => void} open
 * @returns {Row}
 */
function newRow(address, open) {
  const sign = avatar(address, '');
  const name = create('span', { class: 'clip strong', dir: 'auto' });
  const line = create('span', { class: 'clip muted small', dir: 'auto' });
  const badge = create('span', { class: 'badge' });
  const button = create(
    'button',
    { class: 'person', type: 'button', 'data-address': address, onclick: open },
    ...[sign, create('span', { class: 'grow person-text' }, name, line), badge],
  );
  return { item: create('li', {}, button), button, sign, name, line, badge };
}

/**
 * @param {App} app
 * @param {string} address
 * @param {Row} row
 * @param {string} snippet of the message that was found, if any
 */
function drawRow({ state }, address, row, snippet) {
  const chat = state.chats.get(address);
  const unread = chat?.unread ?? 0;
  drawAvatar(row.sign, address, state.contacts.get(address)?.name ?? '');
  setText(row.name, titleOf(state, address));
  setText(row.line, snippet || lineOf(state, address, chat));
  setText(row.badge, unread ? unread.toLocaleString(localeOfTexts()) : '');
  setAttribute(row.badge, 'aria-label', unread ? t('people.new', { count: unread }) : null);
  setAttribute(row.badge, 'role', unread ? 'img' : null);
  setAttribute(row.button, 'data-missed', Boolean(chat?.missed));
  setAttribute(row.button, 'data-phase', chat?.phase ?? 'idle');
  setAttribute(row.button, 'aria-current', state.selected === address ? 'true' : null);
}

/**
 * @param {import('../state.js').State} state
 * @param {string} address
 * @param {Chat | undefined} chat
 */
function lineOf(state, address, chat) {
  if (state.screening.blocked.has(address)) return t('block.blocked');
  if (chat && chat.phase !== 'idle') return t(`phase.${chat.phase}`);
  if (chat?.missed) return t('call.missed');
  if (!state.contacts.has(address)) return t('people.stranger');
  const last = chat?.entries.at(-1);
  if (last) return last.kind === 'file' ? safeFileName(last.transfer.name) : last.text.slice(0, 80);
  return '';
}
