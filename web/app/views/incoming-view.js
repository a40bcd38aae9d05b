/**
 * Card of an incoming call, its sound, and the title of the page.
 * @module
 */

import { accept, decline } from '../calls.js';
import { nameOf } from '../state.js';
import { drawAvatar } from './avatar.js';
import { element, onClick, setShown, setText } from './dom.js';
import { Ringtone } from './ringtone.js';

/** @typedef {import('../state.js').App} App */
/** @typedef {import('../state.js').Chat} Chat */

/** @typedef {Navigator & {setAppBadge?: (count: number) => Promise<void>, clearAppBadge?: () => Promise<void>}} Badging */

/**
 * @param {App} app
 * @returns {() => void} draw
 */
export function incomingView(app) {
  const { state } = app;
  const ringtone = new Ringtone();
  const ringing = () => [...state.chats.values()].filter(({ dial }) => dial !== null);
  /** @type {Chat | undefined} */
  let shown; // until it rings no more: nobody else gets under the finger that is about to answer
  onClick('accept', () => void (shown && accept(app, shown)));
  onClick('decline', () => void (shown?.dial && decline(app, shown)));
  let badge = 0;

  return () => {
    const all = ringing();
    const chat = shown && all.includes(shown) ? shown : all[0];
    shown = chat;
    const news = [...state.chats.values()].reduce((sum, { unread }) => sum + unread, 0);
    document.title = chat ? `${nameOf(state, chat.address)} is calling` : news ? `(${news}) Whisper` : 'Whisper';
    if (news !== badge) setBadge((badge = news));
    ringtone.ring(chat !== undefined);
    setShown(element('incoming'), chat !== undefined);
    if (!chat) return;
    const contact = state.contacts.get(chat.address);
    drawAvatar(element('incoming-avatar'), chat.address, contact?.name ?? '');
    setText(element('incoming-name'), nameOf(state, chat.address));
    const who = contact ? 'is calling you' : 'is calling you, and is not in your people';
    setText(element('incoming-more'), all.length > 1 ? `${who} · ${all.length - 1} more` : who);
  };
}

/** @param {number} count */
function setBadge(count) {
  const badging = /** @type {Badging} */ (navigator);
  const set = count ? badging.setAppBadge?.(count) : badging.clearAppBadge?.();
  set?.catch(() => undefined); // a nicety that some systems refuse
}
