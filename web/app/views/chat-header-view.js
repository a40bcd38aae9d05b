/**
 * Chat header: the person's name, the state of the call, and its buttons.
 * @module
 */

import { ring, select } from '../calls.js';
import { startCall } from '../devices.js';
import { PHASES } from '../error-messages.js';
import { titleOf } from './names.js';
import { WRITING, isCall, nameOf, selectedChat } from '../state.js';
import { drawAvatar } from './avatar.js';
import { button, element, onClick, setAttribute, setShown, setText } from './dom.js';
import { showTrouble } from './notices.js';

/** @typedef {import('../state.js').App} App */
/** @typedef {import('../state.js').Chat} Chat */
/** @typedef {import('../state.js').State} State */

const HINT = 'A call wakes their device, even when Whisper is closed there.';
const VOICE = Object.freeze({ audio: true, video: false });
const VIDEO = Object.freeze({ audio: true, video: true });

/**
 * @param {App} app
 * @param {{openPerson: (chat: Chat) => void, addPerson: (address: string) => void}} dialogs
 * @returns {() => void} draw
 */
export function chatHeaderView(app, { openPerson, addPerson }) {
  const { state } = app;
  /** @param {(chat: Chat) => unknown} act */
  const withChat = (act) => () => {
    const chat = selectedChat(state);
    if (chat) void act(chat);
  };
  /** @param {Chat} chat @param {import('../state.js').Wants} wants */
  const call = (chat, wants) => {
    state.focus = 'talk';
    return ring(app, chat.address, { wants });
  };
  onClick('ring', withChat((chat) => call(chat, WRITING)));
  onClick('call-voice', withChat((chat) => call(chat, VOICE)));
  onClick('call-video', withChat((chat) => call(chat, VIDEO)));
  onClick('cancel', withChat((chat) => chat.dialling?.abort()));
  onClick('hang-up', withChat((chat) => chat.peer?.close()));
  onClick('start-voice', withChat((chat) => startCall(app, chat, VOICE)));
  onClick('start-video', withChat((chat) => startCall(app, chat, VIDEO)));
  onClick('open-person', withChat(openPerson));
  onClick('keep-person', withChat((chat) => (state.contacts.has(chat.address) ? openPerson(chat) : addPerson(chat.address))));
  onClick('back', () => (history.state?.isChat ? history.back() : select(app, null)));

  return () => {
    const chat = selectedChat(state);
    for (const id of ['talk-bar', 'hero', 'call-bar', 'composer', 'chat-panel']) if (!chat) setShown(element(id), false);
    setShown(element('talk-none'), !chat);
    setText(element('talk-none-text'), state.contacts.size ? 'Choose a person to call.' : 'Whoever rings you appears here.');
    setAttribute(element('app'), 'data-view', chat ? 'talk' : 'people');
    setAttribute(element('talk'), 'aria-label', chat ? `Conversation with ${nameOf(state, chat.address)}` : 'Conversation');
    if (!chat) return;
    setShown(element('chat-panel'), true);
    setAttribute(element('talk'), 'data-phase', chat.phase);
    drawBar(state, chat);
    drawHero(state, chat);
    drawCall(state, chat);
  };
}

/**
 * @param {State} state
 * @param {Chat} chat
 */
function drawBar(state, chat) {
  const isOpen = chat.phase === 'open';
  const isTyping = isOpen && chat.status.typing > Date.now();
  const contact = state.contacts.get(chat.address);
  setShown(element('talk-bar'), true);
  drawAvatar(element('talk-avatar'), chat.address, contact?.name ?? '');
  setText(button('open-person'), titleOf(state, chat.address));
  setShown(button('keep-person'), !contact?.name);
  setText(button('keep-person'), chat.says ? 'Keep' : contact ? 'Name' : 'Add');
  setAttribute(button('keep-person'), 'aria-label', chat.says ? 'Keep this name' : contact ? 'Name this person' : 'Add to your people');
  setText(element('route'), isTyping ? 'Is typing…' : (chat.peer ? PHASES[chat.phase] : '') || (contact ? '' : 'Not in your people'));
  setAttribute(element('route'), 'title', chat.route ? `${chat.route}. ${chat.routeDetail}` : null);
  const canStart = isOpen && !isCall(chat);
  setShown(button('start-voice'), canStart);
  setShown(button('start-video'), canStart);
  setShown(button('hang-up'), chat.peer !== null && !isCall(chat));
}

/**
 * @param {State} state
 * @param {Chat} chat
 */
function drawHero(state, chat) {
  const contact = state.contacts.get(chat.address);
  const isEmpty = chat.entries.length === 0 || isWaiting(chat);
  setShown(element('hero'), isEmpty);
  setAttribute(element('talk'), 'data-empty', isEmpty);
  drawAvatar(element('hero-avatar'), chat.address, contact?.name ?? '');
  setText(element('hero-name'), titleOf(state, chat.address));
}

/**
 * @param {State} state
 * @param {Chat} chat
 */
function drawCall(state, chat) {
  const isIdle = chat.phase === 'idle';
  setShown(element('call-bar'), chat.peer === null);
  setShown(element('composer'), !isWaiting(chat));
  showTrouble(element('talk-trouble'), isIdle ? chat.trouble : null);
  setText(element('call-status'), statusOf(state, chat));
  for (const id of ['call-voice', 'call-video', 'ring']) {
    setShown(button(id), isIdle);
    setAttribute(button(id), 'disabled', state.phase !== 'on');
  }
  setShown(button('cancel'), chat.dialling !== null);
}

/**
 * @param {State} state
 * @param {Chat} chat
 */
function statusOf(state, chat) {
  if (chat.phase === 'ringing' && chat.isRinging) return 'Ringing…';
  if (chat.phase !== 'idle') return PHASES[chat.phase];
  if (state.phase === 'starting') return 'Getting ready…';
  return chat.trouble || chat.entries.length ? '' : HINT;
}

/**
 * Tell whether somebody is being called, and nothing else matters.
 * @param {Chat} chat
 */
function isWaiting({ phase, peer }) {
  return peer === null && ['ringing', 'reconnecting', 'connecting'].includes(phase);
}
