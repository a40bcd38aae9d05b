/**
 * The people: who is there, and what is new with them.
 * @module
 */

import { shortAddress } from '../contacts.js';
import { avatar, paint } from './avatar.js';
import { select } from '../calls.js';
import { element, h, mark, onClick, show, write } from './dom.js';
import { shareLink, copyText } from '../share.js';
import { nameOf } from '../state.js';

/** @typedef {import('../state.js').App} App */
/** @typedef {import('../state.js').Talk} Talk */
/** @typedef {{item: HTMLElement, button: HTMLButtonElement, sign: HTMLElement, name: HTMLElement, line: HTMLElement, badge: HTMLElement}} Row */

/** @type {Readonly<Record<import('../state.js').Phase, string>>} */
const LINES = Object.freeze({
  idle: '',
  ringing: 'Ringing…',
  incoming: 'Is calling you',
  connecting: 'Connecting…',
  open: 'Connected',
  reconnecting: 'Reconnecting…',
});
const STATUS = { loading: 'You', off: 'You', starting: 'Getting ready…', on: 'You', failed: 'Not reachable now' };

/**
 * @param {App} app
 * @param {{addPerson: () => void, openSettings: () => void}} dialogs
 * @returns {() => void} draw
 */
export function peopleView(app, { addPerson, openSettings }) {
  const { state } = app;
  /** @type {Map<string, Row>} */
  const rows = new Map();
  const mine = () => state.identity?.address ?? '';

  onClick('add-person', addPerson);
  onClick('empty-add', addPerson);
  onClick('open-settings', openSettings);
  onClick('copy-address', () => copyText(app, mine(), 'Address copied'));
  for (const id of ['share-link', 'empty-share']) onClick(id, () => shareLink(app, mine()));

  return () => {
    const address = mine();
    paint(element('my-avatar'), address, '');
    write(element('my-status'), STATUS[state.phase]);
    write(element('my-address'), shortAddress(address));
    mark(element('my-address'), 'data-address', address);
    mark(element('my-address'), 'title', address);
    const everyone = inOrder(app);
    for (const [known, { item }] of rows) {
      if (everyone.includes(known)) continue;
      item.remove();
      rows.delete(known);
    }
    everyone.forEach((one, at) => {
      const row = rows.get(one) ?? newRow(app, one);
      rows.set(one, row);
      drawRow(app, one, row);
      const list = element('people-list');
      if (list.children[at] !== row.item) list.insertBefore(row.item, list.children[at] ?? null);
    });
    show(element('people-empty'), everyone.length === 0);
  };
}

/**
 * Move the focus to a person's row, or to the top.
 * @param {string | null} address
 */
export function focusPerson(address) {
  const row = [...document.querySelectorAll('.person')].find((one) => one instanceof HTMLElement && one.dataset.address === address);
  (row instanceof HTMLElement ? row : element('brand')).focus();
}

/** @param {App} app */
function inOrder({ state }) {
  const addresses = [...new Set([...state.contacts.keys(), ...state.talks.keys()])];
  const rank = (/** @type {string} */ address) => {
    const talk = state.talks.get(address);
    return !talk || (talk.phase === 'idle' && !talk.missed && !talk.unread) ? 1 : 0;
  };
  return addresses.sort((one, other) => rank(one) - rank(other) || nameOf(state, one).localeCompare(nameOf(state, other)));
}

/**
 * @param {App} app
 * @param {string} address
 * @returns {Row}
 */
function newRow(app, address) {
  const sign = avatar(address, '');
  const name = h('span', { class: 'clip strong', dir: 'auto' });
  const line = h('span', { class: 'clip muted small' });
  const badge = h('span', { class: 'badge' });
  const button = h(
    'button',
    { class: 'person', type: 'button', 'data-address': address, onclick: () => select(app, address) },
    ...[sign, h('span', { class: 'grow person-text' }, name, line), badge],
  );
  return { item: h('li', {}, button), button, sign, name, line, badge };
}

/**
 * @param {App} app
 * @param {string} address
 * @param {Row} row
 */
function drawRow({ state }, address, row) {
  const talk = state.talks.get(address);
  const unread = talk?.unread ?? 0;
  paint(row.sign, address, state.contacts.get(address)?.name ?? '');
  write(row.name, nameOf(state, address));
  write(row.line, lineOf(state, address, talk));
  write(row.badge, unread ? String(unread) : '');
  mark(row.badge, 'aria-label', unread ? `${unread} new` : null);
  mark(row.badge, 'role', unread ? 'img' : null);
  mark(row.button, 'data-phase', talk?.phase ?? 'idle');
  mark(row.button, 'aria-current', state.selected === address ? 'true' : null);
}

/**
 * @param {import('../state.js').State} state
 * @param {string} address
 * @param {Talk | undefined} talk
 */
function lineOf(state, address, talk) {
  if (talk && LINES[talk.phase]) return LINES[talk.phase];
  if (talk?.missed) return 'Missed call';
  if (!state.contacts.has(address)) return 'Not in your people';
  return state.contacts.get(address)?.name ? shortAddress(address) : '';
}
