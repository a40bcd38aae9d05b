/**
 * Ringing and being rung: what becomes of a call, until there is a connection.
 * @module
 */

import { attach, note } from './peer-events.js';
import { save } from './people.js';
import { talkWith } from './state.js';
import { codeOf } from './words.js';

/** @typedef {import('./state.js').App} App */
/** @typedef {import('./state.js').Talk} Talk */
/** @typedef {import('./state.js').DialEvent} DialEvent */

const MISSED = 'Missed call';
/** Why a ringing ends without having been missed. */
const NOT_MISSED = ['taken', 'answered', 'declined', 'replaced', 'cancelled'];

/**
 * Listen to whoever rings, to connections, and to what was missed.
 * @param {App} app
 * @param {import('./state.js').Whisper} whisper
 */
export function listen(app, whisper) {
  whisper.addEventListener('dial', (event) => ringsMe(app, /** @type {DialEvent} */ (event)));
  whisper.addEventListener('peer', (event) => attach(app, /** @type {import('../../client/whisper.js').PeerEvent} */ (event).peer));
  whisper.addEventListener('missed', (event) => {
    const { address, answered } = /** @type {import('../../client/whisper.js').MissedEvent} */ (event);
    if (!answered) return miss(app, talkWith(app.state, address));
    select(app, address);
    void ring(app, address);
  });
  whisper.addEventListener('trouble', (event) => {
    const { error } = /** @type {Event & {error: unknown}} */ (event);
    app.notices.alert(error, { key: 'trouble' });
  });
}

/**
 * @param {App} app
 * @param {string} address
 * @param {import('./state.js').Phase} [phase] how the waiting is called
 */
export async function ring(app, address, phase = 'ringing') {
  const { whisper } = app.state;
  const talk = talkWith(app.state, address);
  if (!whisper || talk.phase !== 'idle') return;
  const dialling = new AbortController();
  Object.assign(talk, { phase, dialling, trouble: null, missed: 0 });
  if (!app.state.contacts.has(address)) void save(app, address, '');
  app.changed();
  try {
    attach(app, await whisper.dial(address, { signal: dialling.signal }));
  } catch (error) {
    fail(app, talk, error);
  } finally {
    if (talk.dialling === dialling) talk.dialling = null;
    app.changed();
  }
}

/**
 * @param {App} app
 * @param {Talk} talk
 */
export async function accept(app, talk) {
  const { dial } = talk;
  if (!dial) return;
  Object.assign(talk, { dial: null, phase: 'connecting', trouble: null, missed: 0 });
  select(app, talk.address, 'talk');
  try {
    attach(app, await dial.accept());
  } catch (error) {
    fail(app, talk, error);
  }
  app.changed();
}

/**
 * @param {App} app
 * @param {Talk} talk
 */
export async function decline(app, talk) {
  const { dial } = talk;
  Object.assign(talk, { dial: null, phase: 'idle' });
  note(app, talk, 'You declined a call');
  try {
    await dial?.decline();
  } catch (error) {
    app.notices.alert(error, { key: 'decline' });
  }
}

/**
 * Show a talk, or none, and move the focus there.
 * @param {App} app
 * @param {string | null} address
 * @param {import('./state.js').State['focus']} [focus]
 */
export function select(app, address, focus = address === null ? 'people' : 'talk') {
  const { state } = app;
  if (address !== null) talkWith(state, address);
  state.selected = address;
  state.focus = focus;
  app.changed();
}

/**
 * @param {App} app
 * @param {DialEvent} dial
 */
function ringsMe(app, dial) {
  const talk = talkWith(app.state, dial.address);
  const isExpected = dial.answered || talk.phase === 'ringing';
  Object.assign(talk, { dial, phase: 'incoming' });
  dial.signal.addEventListener('abort', () => {
    if (talk.dial !== dial) return;
    Object.assign(talk, { dial: null, phase: 'idle' });
    if (!NOT_MISSED.includes(codeOf(dial.signal.reason))) miss(app, talk);
    app.changed();
  });
  if (isExpected) void accept(app, talk);
  app.changed();
}

/**
 * The library and the ringing may both tell of the same call.
 * @param {App} app
 * @param {Talk} talk
 */
function miss(app, talk) {
  const last = talk.entries.at(-1);
  const isTold = last?.kind === 'note' && last.text === MISSED && Date.now() - last.at.getTime() < 5000;
  if (isTold) return;
  talk.missed += 1;
  talk.unread += 1;
  note(app, talk, MISSED);
}

/**
 * @param {App} app
 * @param {Talk} talk
 * @param {unknown} error
 */
function fail(app, talk, error) {
  if (talk.peer) return; // meanwhile a call of theirs has connected us
  const peer = app.state.whisper?.peers.get(talk.address);
  if (peer && codeOf(error) === 'already_connected') return attach(app, peer);
  if (talk.phase !== 'incoming') talk.phase = 'idle';
  talk.trouble = codeOf(error) === 'cancelled' ? null : error;
}
