/**
 * Reconnection after a page reload: who was connected, and what was shared, kept for a minute in the tab's `sessionStorage`.
 * @module
 */

import { isAddress } from '../client/whisper.js';
import { ring } from './calls.js';
import { tellStatus } from './chat/control-messages.js';
import { resumeSharing, tracksOf } from './media-devices.js';
import { chatWith } from './state.js';
import { recall, remember } from './storage/web-storage.js';

/** @typedef {import('./state.js').App} App */
/** @typedef {import('./state.js').Chat} Chat */
/** @typedef {import('./state.js').Wants} Wants */

/** Connection before a reload; `wants`: what was shared, or was to be while it was held; `since`: when voice or video began, ms; 0 without.
 * @typedef {{address: string, since: number, wants: Wants, isHeld: boolean, isMuted: boolean}} Connected
 */

/** Later than that it was no reload, and the other has gone. */
const MAX_AGE_MS = 60_000;
/** Those that are not as they were yet: the page may be reloaded again. @type {Map<string, Connected>} by address */
const restoring = new Map();

/**
 * Remember who is connected: call it when the page goes away, so that a copy of the tab remembers nobody.
 * @param {Iterable<Chat>} chats
 */
export function rememberConnected(chats) {
  const isOpen = (/** @type {Chat} */ { peer, address }) => peer !== null || restoring.has(address);
  const connected = [...chats].filter(isOpen).map((chat) => restoring.get(chat.address) ?? describe(chat));
  if (connected.length) remember('whisper.connected', JSON.stringify({ connected, at: Date.now() }));
}

/** @param {Chat} chat @returns {Connected} */
function describe({ address, since, media }) {
  const isSeen = tracksOf(media.stream, 'camera').length > 0 && !media.isScreen; // a screen needs a click
  const wants = media.held ?? { audio: tracksOf(media.stream, 'microphone').length > 0, video: isSeen };
  return { address, since, wants, isHeld: media.held !== null, isMuted: media.muted };
}

export function forgetConnected() {
  remember('whisper.connected', null);
}

/** @returns {Connected[]} who was connected a moment ago, once; nobody when a link or another page has led here */
export function takeConnected() {
  const text = recall('whisper.connected');
  forgetConnected();
  const [navigation] = performance.getEntriesByType('navigation');
  if (/** @type {PerformanceNavigationTiming | undefined} */ (navigation)?.type !== 'reload') return [];
  try {
    const { connected, at } = JSON.parse(text ?? '{}');
    return Date.now() - at < MAX_AGE_MS ? connected.filter((/** @type {Connected} */ { address }) => isAddress(address)) : [];
  } catch {
    return [];
  }
}

/**
 * Go on with a call as it was: its time, and what was shared. Devices that the browser would ask for wait for the button of a call on hold.
 * @param {App} app
 * @param {Connected} connected
 */
export async function reconnect(app, connected) {
  restoring.set(connected.address, connected);
  await restore(app, connected).finally(() => restoring.delete(connected.address));
}

/** @param {App} app @param {Connected} connected */
async function restore(app, { address, since, wants, isHeld, isMuted }) {
  const chat = chatWith(app.state, address);
  chat.since = since;
  await ring(app, address, { phase: 'reconnecting' });
  if (!chat.peer) chat.since = 0;
  if (!chat.peer || !(wants.audio || wants.video)) return;
  Object.assign(chat.media, { held: wants, muted: isMuted });
  if (!isHeld && (await canStartUnasked(wants))) await resumeSharing(app, chat);
  else tellStatus(chat);
  app.changed();
}

/** @param {Wants} wants @returns {Promise<boolean>} whether the browser starts these devices without a question, as far as it tells */
function canStartUnasked({ audio, video }) {
  const names = /** @type {PermissionName[]} */ ([...(audio ? ['microphone'] : []), ...(video ? ['camera'] : [])]);
  const asked = names.map(async (name) => (await navigator.permissions.query({ name })).state === 'granted');
  return Promise.all(asked).then((granted) => granted.every(Boolean), () => false); // this browser does not know of them
}
