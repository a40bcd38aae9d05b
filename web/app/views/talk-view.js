/**
 * The conversation with one person: its head, the call, and what is under the hand.
 * @module
 */

import { shortAddress } from '../contacts.js';
import { paint } from './avatar.js';
import { ring, select } from '../calls.js';
import { button, element, mark, onClick, show, write } from './dom.js';
import { showTrouble } from './notices.js';
import { toggle, tracksOf } from '../devices.js';
import { nameOf, selectedTalk } from '../state.js';

/** @typedef {import('../state.js').App} App */
/** @typedef {import('../state.js').Talk} Talk */
/** @typedef {import('../state.js').State} State */

/** @type {Readonly<Record<import('../state.js').Phase, string>>} */
const STATUS = Object.freeze({
  idle: '',
  ringing: 'Ringing…',
  incoming: 'Is calling you',
  connecting: 'Connecting…',
  open: '',
  reconnecting: 'Reconnecting…',
});
const HINT = 'Ringing wakes their device, even when Whisper is closed there.';

/**
 * @param {App} app
 * @param {{openPerson: (talk: Talk) => void, addPerson: (address: string) => void}} dialogs
 * @returns {() => void} draw
 */
export function talkView(app, { openPerson, addPerson }) {
  const { state } = app;
  /** @param {(talk: Talk) => unknown} act */
  const withTalk = (act) => () => {
    const talk = selectedTalk(state);
    if (talk) void act(talk);
  };
  onClick('ring', withTalk((talk) => ring(app, talk.address)));
  onClick('cancel', withTalk((talk) => talk.dialling?.abort()));
  onClick('hang-up', withTalk((talk) => talk.peer?.close()));
  onClick('microphone', withTalk((talk) => toggle(app, talk, 'microphone')));
  onClick('camera', withTalk((talk) => toggle(app, talk, 'camera')));
  onClick('open-person', withTalk(openPerson));
  onClick('keep-person', withTalk((talk) => (state.contacts.has(talk.address) ? openPerson(talk) : addPerson(talk.address))));
  onClick('back', () => (history.state?.talk ? history.back() : select(app, null)));

  return () => {
    const talk = selectedTalk(state);
    for (const id of ['talk-bar', 'hero', 'call-bar', 'composer']) if (!talk) show(element(id), false);
    show(element('talk-none'), !talk);
    write(element('talk-none-text'), state.contacts.size ? 'Choose a person to ring.' : 'Whoever rings you appears here.');
    mark(element('app'), 'data-view', talk ? 'talk' : 'people');
    mark(element('talk'), 'aria-label', talk ? `Conversation with ${nameOf(state, talk.address)}` : 'Conversation');
    if (!talk) return;
    mark(element('talk'), 'data-phase', talk.phase);
    drawBar(state, talk);
    drawHero(state, talk);
    drawCall(state, talk);
  };
}

/**
 * @param {State} state
 * @param {Talk} talk
 */
function drawBar(state, talk) {
  const isOpen = talk.phase === 'open';
  const contact = state.contacts.get(talk.address);
  show(element('talk-bar'), true);
  paint(element('talk-avatar'), talk.address, contact?.name ?? '');
  write(button('open-person'), nameOf(state, talk.address));
  show(button('keep-person'), !contact?.name);
  write(button('keep-person'), contact ? 'Name' : 'Add');
  mark(button('keep-person'), 'aria-label', contact ? 'Name this person' : 'Add to your people');
  write(element('route'), isOpen ? talk.route : STATUS[talk.phase] || (contact?.name ? shortAddress(talk.address) : ''));
  mark(element('route'), 'title', talk.routeDetail || null);
  for (const device of /** @type {const} */ (['microphone', 'camera'])) {
    const control = button(device);
    const isOn = tracksOf(talk.media.stream, device).length > 0;
    show(control, isOpen || isOn);
    mark(control, 'aria-pressed', String(isOn));
    mark(control, 'title', `${isOn ? 'Stop' : 'Start'} the ${device}`);
  }
  show(button('hang-up'), talk.peer !== null);
}

/**
 * @param {State} state
 * @param {Talk} talk
 */
function drawHero(state, talk) {
  const contact = state.contacts.get(talk.address);
  const isEmpty = talk.entries.length === 0;
  show(element('hero'), isEmpty);
  mark(element('talk'), 'data-empty', isEmpty);
  paint(element('hero-avatar'), talk.address, contact?.name ?? '');
  write(element('hero-name'), contact?.name || 'Somebody new');
  write(element('hero-address'), shortAddress(talk.address));
}

/**
 * @param {State} state
 * @param {Talk} talk
 */
function drawCall(state, talk) {
  const isIdle = talk.phase === 'idle';
  const isWaiting = talk.phase === 'ringing' || talk.phase === 'reconnecting' || talk.phase === 'connecting';
  show(element('call-bar'), talk.peer === null);
  show(element('composer'), talk.peer !== null);
  showTrouble(element('talk-trouble'), isIdle ? talk.trouble : null);
  write(element('call-status'), statusOf(state, talk));
  show(button('ring'), isIdle);
  mark(button('ring'), 'disabled', state.phase !== 'on');
  write(element('ring-text'), ringText(talk));
  show(button('cancel'), isWaiting && talk.dialling !== null);
}

/**
 * @param {State} state
 * @param {Talk} talk
 */
function statusOf(state, talk) {
  if (talk.phase !== 'idle') return STATUS[talk.phase];
  if (state.phase === 'starting') return 'Getting ready…';
  return talk.trouble || talk.entries.length ? '' : HINT;
}

/** @param {Talk} talk */
function ringText(talk) {
  if (talk.missed || talk.entries.at(-1)?.kind === 'note') return talk.missed ? 'Call back' : 'Ring again';
  return 'Ring';
}
