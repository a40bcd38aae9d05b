/**
 * Chat header: the person's name, the state of the call, and its buttons.
 * @module
 */

import { ring, select } from '../../calls.js';
import { startCall } from '../../media-devices.js';
import { unblockPerson } from '../../reachability/screening-settings.js';
import { WRITING, isCall, nameOf, selectedChat, titleOf } from '../../state.js';
import { t } from '../../texts/translation.js';
import { drawAvatar } from '../avatar.js';
import { button, element, onClick, setAttribute, setShown, setText } from '../dom.js';
import { showTrouble } from '../notices.js';

/** @typedef {import('../../state.js').App} App */
/** @typedef {import('../../state.js').Chat} Chat */
/** @typedef {import('../../state.js').State} State */

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
  /** @param {Chat} chat @param {import('../../state.js').Wants} wants */
  const call = (chat, wants) => {
    state.focus = 'chat';
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
  onClick('keep-person', withChat((chat) => {
    if (isBlocked(state, chat)) return unblockPerson(app, chat.address);
    return state.contacts.has(chat.address) ? openPerson(chat) : addPerson(chat.address);
  }));
  onClick('back', () => (history.state?.isChat ? history.back() : select(app, null)));

  return () => {
    const chat = selectedChat(state);
    for (const id of ['chat-bar', 'hero', 'call-bar', 'composer', 'chat-panel']) if (!chat) setShown(element(id), false);
    setShown(element('chat-none'), !chat);
    setText(element('chat-none-text'), state.contacts.size ? t('chat.choose') : t('chat.nobody'));
    setAttribute(element('app'), 'data-view', chat ? 'chat' : 'people');
    setAttribute(element('chat'), 'aria-label', chat ? t('chat.with', { name: nameOf(state, chat.address) }) : t('chat.title'));
    if (!chat) return;
    setShown(element('chat-panel'), true);
    setAttribute(element('chat'), 'data-phase', chat.phase);
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
  setShown(element('chat-bar'), true);
  drawAvatar(element('chat-avatar'), chat.address, contact?.name ?? '');
  setText(button('open-person'), titleOf(state, chat.address));
  drawPill(state, chat);
  setText(element('route'), isTyping ? t('chat.typing') : (chat.peer ? phaseText(chat) : '') || (contact ? '' : t('people.stranger')));
  setAttribute(element('route'), 'title', chat.route ? t('person.route', { route: chat.route, detail: chat.routeDetail }) : null);
  const canStart = isOpen && !isCall(chat);
  setShown(button('start-voice'), canStart);
  setShown(button('start-video'), canStart);
  setShown(button('hang-up'), chat.peer !== null && !isCall(chat));
}

/**
 * Draw what is offered beside a name: to keep the person, or to let them in again.
 * @param {State} state
 * @param {Chat} chat
 */
function drawPill(state, chat) {
  const contact = state.contacts.get(chat.address);
  const [text, label] = isBlocked(state, chat) ? [t('block.unblock'), t('block.unblock')] : chat.says ? [t('person.keep'), t('person.keepLabel')] : namingTexts(contact !== undefined);
  setShown(button('keep-person'), !contact?.name || isBlocked(state, chat));
  setText(button('keep-person'), text);
  setAttribute(button('keep-person'), 'aria-label', label);
}

/**
 * @param {boolean} isContact
 * @returns {[text: string, label: string]}
 */
function namingTexts(isContact) {
  return isContact ? [t('person.name'), t('person.nameLabel')] : [t('person.addButton'), t('person.addLabel')];
}

/**
 * @param {State} state
 * @param {Chat} chat
 */
function isBlocked({ screening }, { address }) {
  return screening.blocked.has(address);
}

/**
 * @param {State} state
 * @param {Chat} chat
 */
function drawHero(state, chat) {
  const contact = state.contacts.get(chat.address);
  const isEmpty = chat.entries.length === 0 || isWaiting(chat);
  setShown(element('hero'), isEmpty);
  setAttribute(element('chat'), 'data-empty', isEmpty);
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
  setShown(element('composer'), !isWaiting(chat) && !isBlocked(state, chat));
  showTrouble(element('chat-trouble'), isIdle ? chat.trouble : null);
  setText(element('call-status'), statusOf(state, chat));
  for (const id of ['call-voice', 'call-video', 'ring']) {
    setShown(button(id), isIdle);
    setAttribute(button(id), 'disabled', state.phase !== 'on' || isBlocked(state, chat));
  }
  setShown(button('cancel'), chat.dialling !== null);
}

/**
 * @param {State} state
 * @param {Chat} chat
 */
function statusOf(state, chat) {
  if (chat.phase === 'ringing' && chat.isRinging) return t('phase.rings');
  if (chat.phase !== 'idle') return phaseText(chat);
  if (isBlocked(state, chat)) return t('block.hint');
  if (state.phase === 'starting') return t('common.ready');
  if (state.phase === 'failed') return t('people.unreachable');
  return chat.trouble || chat.entries.length ? '' : t('call.hint');
}

/** @param {Chat} chat */
function phaseText({ phase }) {
  return phase === 'idle' ? '' : t(`phase.${phase}`);
}

/**
 * Tell whether somebody is being called, and nothing else matters.
 * @param {Chat} chat
 */
function isWaiting({ phase, peer }) {
  return peer === null && ['ringing', 'reconnecting', 'connecting'].includes(phase);
}
