/**
 * Somebody rings: the card, the sound, and what the title of the page says.
 * @module
 */

import { paint } from './avatar.js';
import { accept, decline } from '../calls.js';
import { element, onClick, show, write } from './dom.js';
import { Bell } from './bell.js';
import { nameOf } from '../state.js';

/** @typedef {import('../state.js').App} App */

/** @typedef {Navigator & {setAppBadge?: (count: number) => Promise<void>, clearAppBadge?: () => Promise<void>}} Badging */

/**
 * @param {App} app
 * @returns {() => void} draw
 */
export function incomingView(app) {
  const { state } = app;
  const bell = new Bell();
  const ringing = () => [...state.talks.values()].filter(({ dial }) => dial !== null);
  /** @param {typeof accept} act */
  const first = (act) => () => {
    const [talk] = ringing();
    if (talk) void act(app, talk);
  };
  onClick('accept', first(accept));
  onClick('decline', first(decline));
  let badge = 0;

  return () => {
    const [talk, ...others] = ringing();
    const news = [...state.talks.values()].reduce((sum, { unread }) => sum + unread, 0);
    document.title = talk ? `${nameOf(state, talk.address)} is calling` : news ? `(${news}) Whisper` : 'Whisper';
    if (news !== badge) setBadge((badge = news));
    bell.ring(talk !== undefined);
    show(element('incoming'), talk !== undefined);
    if (!talk) return;
    const contact = state.contacts.get(talk.address);
    paint(element('incoming-avatar'), talk.address, contact?.name ?? '');
    write(element('incoming-name'), nameOf(state, talk.address));
    const who = contact ? 'is calling you' : 'is calling you, and is not in your people';
    write(element('incoming-more'), others.length ? `${who} · ${others.length} more` : who);
  };
}

/** @param {number} count */
function setBadge(count) {
  const badging = /** @type {Badging} */ (navigator);
  const set = count ? badging.setAppBadge?.(count) : badging.clearAppBadge?.();
  set?.catch(() => undefined); // a nicety that some systems refuse
}
