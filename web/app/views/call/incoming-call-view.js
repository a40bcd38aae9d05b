/**
 * Screen of an incoming call, the sounds of ringing, and the title of the page.
 * @module
 */

import { accept, decline } from '../../calls.js';
import { isLive } from '../../media-devices.js';
import { isCall, nameOf, selectedChat } from '../../state.js';
import { t } from '../../texts/translation.js';
import { drawAvatar } from '../avatar.js';
import { byId, element, isTyping, onClick, setAttribute, setShown, setText } from '../dom.js';
import { RINGBACK, RINGTONE, Ringtone } from './ringtone.js';

/** @typedef {import('../../state.js').App} App */
/** @typedef {import('../../state.js').Chat} Chat */

/** @typedef {Navigator & {setAppBadge?: (count: number) => Promise<void>, clearAppBadge?: () => Promise<void>}} Badging */

/**
 * @param {App} app
 * @returns {() => void} draw
 */
export function incomingCallView(app) {
  const { state } = app;
  const ringtone = new Ringtone(RINGTONE);
  const ringback = new Ringtone(RINGBACK);
  const ringing = () => [...state.chats.values()].filter(({ dial }) => dial !== null);
  /** @type {Chat | undefined} */
  let shown; // until it rings no more: nobody else gets under the finger that is about to answer
  onClick('accept', () => void (shown && accept(app, shown)));
  onClick('decline', () => void (shown?.dial && decline(app, shown)));
  listenToEscape(() => (shown ? decline(app, shown) : selectedChat(state)?.dialling?.abort()));
  let badge = 0;

  return () => {
    const all = ringing();
    const chat = shown && all.includes(shown) ? shown : all[0];
    shown = chat;
    const news = [...state.chats.values()].reduce((sum, { unread }) => sum + unread, 0);
    const alarm = chat ? t('call.isCalling', { name: nameOf(state, chat.address) }) : '';
    document.title = alarm ? alarm : news ? `(${news}) Whisper` : 'Whisper';
    if (news !== badge) setBadge((badge = news));
    ringtone.ring(chat !== undefined);
    ringback.ring(!chat && [...state.chats.values()].some(({ phase, isRinging }) => phase === 'ringing' && isRinging));
    const isNew = chat !== undefined && element('incoming').hidden;
    setShown(element('incoming'), chat !== undefined);
    setText(element('incoming-alert'), alarm);
    if (!chat) return;
    if (isNew && !isTyping()) element('incoming').focus(); // what is typed goes on, and presses no button
    const contact = state.contacts.get(chat.address);
    drawAvatar(element('incoming-avatar'), chat.address, contact?.name ?? '');
    setText(element('incoming-name'), nameOf(state, chat.address));
    const who = callText(chat, contact !== undefined);
    setText(element('incoming-more'), all.length > 1 ? `${who} · ${t('call.more', { count: all.length - 1 })}` : who);
    setAttribute(byId('accept-icon', SVGUseElement), 'href', chat.wants.video ? '#icon-camera' : '#icon-phone');
    const running = [...state.chats.values()].find((other) => other !== chat && (isCall(other) || isLive(other)));
    setShown(element('incoming-hold'), running !== undefined && chat.wants.audio);
    if (running) setText(element('incoming-hold'), t('call.willHold', { name: nameOf(state, running.address) }));
  };
}

/**
 * @param {Chat} chat
 * @param {boolean} isKnown whether the caller is a contact
 */
function callText({ wants }, isKnown) {
  if (wants.video) return isKnown ? t('call.ringsWithVideo') : t('call.strangerRingsWithVideo');
  if (wants.audio) return isKnown ? t('call.ringsByVoice') : t('call.strangerRingsByVoice');
  return isKnown ? t('call.ringsYou') : t('call.strangerRings');
}

/**
 * Escape closes a dialog first, and ends a composition of characters.
 * @param {() => unknown} run
 */
function listenToEscape(run) {
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !event.isComposing && !document.querySelector('dialog[open]') && !document.fullscreenElement) void run();
  });
}

/** @param {number} count */
function setBadge(count) {
  const badging = /** @type {Badging} */ (navigator);
  const set = count ? badging.setAppBadge?.(count) : badging.clearAppBadge?.();
  set?.catch(() => undefined); // a nicety that some systems refuse
}
