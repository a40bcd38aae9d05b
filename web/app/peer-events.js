/**
 * Event handlers for a peer's connection, from open to close.
 * @module
 */

import { followQuality } from './call-quality.js';
import { introduce, tellStatus } from './chat/control-messages.js';
import { tellReactions } from './chat/message-changes.js';
import { receiveFile } from './chat/file-messages.js';
import { keepUndelivered, receiveMessage, sendWaiting, updateMarks } from './chat/text-messages.js';
import { codeOf } from './error-messages.js';
import { formatDuration } from './format.js';
import { stopSharing } from './media-devices.js';
import { readRoute } from './route-text.js';
import { WRITING, addEntry, chatWith, isCall, nameOf } from './state.js';
import { remember } from './storage/web-storage.js';
import { t } from './texts/translation.js';

/** @typedef {import('./state.js').App} App */
/** @typedef {import('./state.js').Chat} Chat */
/** @typedef {import('./state.js').Peer} Peer */

/** The route may improve in the first moments. */
const ROUTE_SETTLES_MS = 2500;

/**
 * Take a new connection. The same one may come twice: from a call and from its event.
 * @param {App} app
 * @param {Peer} peer
 */
export function attach(app, peer) {
  const chat = chatWith(app.state, peer.address);
  if (chat.peer === peer || peer.state === 'closed') return;
  chat.listening?.abort();
  const listening = new AbortController();
  Object.assign(chat, { peer, listening, dial: null, phase: 'open', trouble: null, missed: 0, readTold: '' });
  if (app.state.selected === chat.address) app.state.focus = 'message';
  chat.status = { muted: false, held: false, typing: 0 };
  introduce(chat);
  if (chat.wants.audio) chat.since ||= Date.now();
  if (!chat.since) addNote(app, chat, t('note.connected'));
  /** @type {Record<string, (event: Event) => void>} */
  const reactions = {
    file: (event) => receiveFile(app, chat, /** @type {import('../client/whisper.js').FileEvent} */ (event).transfer, Date.now()),
    delivered: () => updateMarks(chat, peer),
    statechange: () => followState(app, chat, peer),
    close: () => followState(app, chat, peer),
    media: () => (chat.since ||= isCall(chat) ? Date.now() : 0),
  };
  for (const [name, react] of Object.entries(reactions)) {
    peer.addEventListener(name, (event) => void (react(event), app.changed()), { signal: listening.signal });
  }
  followQuality(app, chat, peer, listening.signal);
  void sendWaiting(app, chat);
  tellReactions(chat);
  void read(app, chat, peer);
  void readRoute(app, chat, peer);
  setTimeout(() => void readRoute(app, chat, peer), ROUTE_SETTLES_MS);
}

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {Peer} peer
 */
async function read(app, chat, peer) {
  for await (const value of peer.messages) receiveMessage(app, chat, value);
}

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {Peer} peer
 */
function followState(app, chat, peer) {
  if (chat.peer !== peer) return;
  if (peer.state === 'closed') return detach(app, chat, peer);
  chat.phase = peer.state;
  if (peer.state === 'open') tellStatus(chat); // their page may have been reloaded
  void readRoute(app, chat, peer);
}

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {Peer} peer
 */
function detach(app, chat, peer) {
  chat.listening?.abort();
  updateMarks(chat, peer);
  keepUndelivered(chat, peer);
  const code = codeOf(peer.error);
  remember('whisper.called', 'yes');
  const duration = chat.since ? formatDuration(Date.now() - chat.since) : '';
  const lasted = (/** @type {string} */ what) => (duration ? t('note.lasted', { what, duration }) : what);
  Object.assign(chat, { peer: null, listening: null, phase: 'idle', route: '', routeDetail: '', wants: WRITING, since: 0, quality: '' });
  void stopSharing(app, chat);
  if (app.state.selected === chat.address) app.state.focus = 'chat';
  if (code === 'hung_up') return addNote(app, chat, lasted(t('note.hungUp', { name: nameOf(app.state, chat.address) })));
  chat.trouble = code === 'replaced' ? null : peer.error;
  addNote(app, chat, lasted(peer.error ? t('note.ended') : t('note.youHungUp')));
}

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {string} text
 * @param {number} [at] ms
 */
export function addNote(app, chat, text, at = Date.now()) {
  addEntry(chat, { kind: 'note', at: new Date(at), text });
  app.changed();
}
