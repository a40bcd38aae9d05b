/**
 * What a connection tells, from its first moment to its end.
 * @module
 */

import { addEntry, nameOf, talkWith } from './state.js';
import { receive, receiveFile, updateMarks } from './chat.js';
import { stopSharing } from './devices.js';
import { readRoute } from './route-text.js';
import { codeOf } from './words.js';

/** @typedef {import('./state.js').App} App */
/** @typedef {import('./state.js').Talk} Talk */
/** @typedef {import('./state.js').Peer} Peer */

/** The route may improve in the first moments. */
const ROUTE_SETTLES_MS = 2500;

/**
 * Take a new connection. The same one may come twice: from a call and from its event.
 * @param {App} app
 * @param {Peer} peer
 */
export function attach(app, peer) {
  const talk = talkWith(app.state, peer.address);
  if (talk.peer === peer || peer.state === 'closed') return;
  talk.listening?.abort();
  const listening = new AbortController();
  Object.assign(talk, { peer, listening, dial: null, phase: 'open', trouble: null, missed: 0 });
  if (app.state.selected === talk.address) app.state.focus = 'message';
  note(app, talk, 'Connected');
  /** @type {Record<string, (event: Event) => void>} */
  const reactions = {
    file: (event) => receiveFile(app, talk, /** @type {import('../../client/whisper.js').FileEvent} */ (event).transfer),
    delivered: () => updateMarks(talk, peer),
    statechange: () => followState(app, talk, peer),
    close: () => followState(app, talk, peer),
    media: () => undefined,
  };
  for (const [name, react] of Object.entries(reactions)) {
    peer.addEventListener(name, (event) => void (react(event), app.changed()), { signal: listening.signal });
  }
  void read(app, talk, peer);
  void readRoute(app, talk, peer);
  setTimeout(() => void readRoute(app, talk, peer), ROUTE_SETTLES_MS);
}

/**
 * @param {App} app
 * @param {Talk} talk
 * @param {Peer} peer
 */
async function read(app, talk, peer) {
  for await (const value of peer.messages) receive(app, talk, value);
}

/**
 * @param {App} app
 * @param {Talk} talk
 * @param {Peer} peer
 */
function followState(app, talk, peer) {
  if (talk.peer !== peer) return;
  if (peer.state === 'closed') return detach(app, talk, peer);
  talk.phase = peer.state;
  void readRoute(app, talk, peer);
}

/**
 * @param {App} app
 * @param {Talk} talk
 * @param {Peer} peer
 */
function detach(app, talk, peer) {
  talk.listening?.abort();
  const code = codeOf(peer.error);
  Object.assign(talk, { peer: null, listening: null, phase: 'idle', route: '', routeDetail: '' });
  void stopSharing(app, talk);
  if (app.state.selected === talk.address) app.state.focus = 'talk';
  if (code === 'hung_up') return note(app, talk, `${nameOf(app.state, talk.address)} hung up`);
  talk.trouble = code === 'replaced' ? null : peer.error;
  note(app, talk, peer.error ? 'The connection ended' : 'You hung up');
}

/**
 * @param {App} app
 * @param {Talk} talk
 * @param {string} text
 */
export function note(app, talk, text) {
  addEntry(talk, { kind: 'note', at: new Date(), text });
  app.changed();
}
