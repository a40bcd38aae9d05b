/**
 * Outgoing and incoming calls, until there is a connection.
 * @module
 */

import { save } from './contact-actions.js';
import { codeOf } from './error-messages.js';
import { share, startDevices, stopSharing } from './media-devices.js';
import { addNote, attach } from './peer-events.js';
import { mayRing } from './reachability/screening-settings.js';
import { WRITING, chatWith } from './state.js';
import { t } from './texts/translation.js';

/** @typedef {import('./state.js').App} App */
/** @typedef {import('./state.js').Chat} Chat */
/** @typedef {import('./state.js').DialEvent} DialEvent */

/** What is said of a connection that another window has. */
const WINDOWS = ['in_another_window', 'taken_over'];
/** A program that has lost us dials again for so long: that is one missed call. */
const MISSED_APART_MS = 60_000;

/**
 * Listen to whoever rings, to connections, and to what was missed.
 * @param {App} app
 * @param {import('./state.js').Whisper} whisper
 */
export function listen(app, whisper) {
  whisper.addEventListener('dial', (event) => ringsMe(app, /** @type {DialEvent} */ (event)));
  whisper.addEventListener('peer', (event) => attach(app, /** @type {import('../client/whisper.js').PeerEvent} */ (event).peer));
  whisper.addEventListener('elsewhere', () => markElsewhere(app, whisper));
  markElsewhere(app, whisper);
  whisper.addEventListener('missed', (event) => {
    const { address, answered, at } = /** @type {import('../client/whisper.js').MissedEvent} */ (event);
    if (!answered) return miss(app, address, at ?? Date.now());
    select(app, address);
    void ring(app, address);
  });
  whisper.addEventListener('answeredelsewhere', (event) => {
    const { address, at } = /** @type {import('../client/whisper.js').AnsweredElsewhereEvent} */ (event);
    if (!app.state.screening.blocked.has(address)) addNote(app, chatWith(app.state, address), t('note.answeredElsewhere'), at);
  });
}

/**
 * Say of each chat whether another window has its connection.
 * @param {App} app
 * @param {import('./state.js').Whisper} whisper
 */
function markElsewhere(app, { elsewhere }) {
  for (const address of elsewhere) chatWith(app.state, address);
  for (const chat of app.state.chats.values()) {
    const code = codeOf(chat.trouble);
    if (elsewhere.has(chat.address) && !chat.peer && code !== 'taken_over') chat.trouble = { code: 'in_another_window' };
    else if (!elsewhere.has(chat.address) && WINDOWS.includes(code)) chat.trouble = null;
  }
  app.changed();
}

/**
 * Ring somebody. The microphone, and the camera, are asked for first: who is called hears something when they accept.
 * @param {App} app
 * @param {string} address
 * @param {{wants?: import('./state.js').Wants, phase?: import('./state.js').Phase}} [options] `phase`: how the waiting is called
 */
export async function ring(app, address, { wants = WRITING, phase = 'ringing' } = {}) {
  const { whisper } = app.state;
  const chat = chatWith(app.state, address);
  if (chat.dial) return accept(app, chat); // they ring as well, a moment earlier
  if (!whisper || chat.phase !== 'idle' || app.state.screening.blocked.has(address)) return;
  const dialling = new AbortController();
  Object.assign(chat, { phase, dialling, wants, isRinging: false, trouble: null, missed: 0 });
  if (!app.state.contacts.has(address)) void save(app, address, '');
  app.changed();
  try {
    await dial(app, chat, dialling.signal);
  } catch (error) {
    fail(app, chat, error);
  } finally {
    if (chat.dialling === dialling) chat.dialling = null;
    app.changed();
  }
}

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {AbortSignal} signal
 */
async function dial(app, chat, signal) {
  const { whisper } = app.state;
  const { address } = chat;
  const tracks = await startDevices(app, chat, chat.wants);
  if (!tracks || !whisper) throw Object.assign(new Error(), { code: 'cancelled' }); // the person has been told
  const wants = { ...chat.wants, video: tracks.some(({ kind }) => kind === 'video') }; // who is not seen asks for no picture
  chat.wants = wants;
  chat.media.stream = new MediaStream(tracks);
  const stream = tracks.length ? chat.media.stream : null;
  const onRinging = () => {
    chat.isRinging = true;
    app.changed();
  };
  const options = { signal, stream, takeOver: whisper.elsewhere.has(address), wants: (wants.audio ? 1 : 0) | (wants.video ? 2 : 0) || undefined, onRinging };
  attach(app, await whisper.dial(address, options));
}

/**
 * Accept a call; the devices that it wants are started meanwhile, or the microphone alone: its caller hears something.
 * @param {App} app
 * @param {Chat} chat
 */
export async function accept(app, chat) {
  const { dial } = chat;
  if (!dial) return;
  Object.assign(chat, { dial: null, phase: 'connecting', trouble: null, missed: 0 });
  select(app, chat.address, 'chat');
  const starting = startDevices(app, chat, chat.wants);
  try {
    attach(app, await dial.accept());
    const tracks = await starting;
    if (tracks?.length) await share(app, chat, tracks);
  } catch (error) {
    fail(app, chat, error);
    (await starting)?.forEach((track) => track.stop());
  }
  app.changed();
}

/**
 * @param {App} app
 * @param {Chat} chat
 */
export async function decline(app, chat) {
  const { dial } = chat;
  Object.assign(chat, { dial: null, phase: 'idle' });
  addNote(app, chat, t('note.declined'));
  try {
    await dial?.decline();
  } catch (error) {
    app.notices.alert(error, { key: 'decline' });
  }
}

/**
 * Show a chat, or none, and move the focus there.
 * @param {App} app
 * @param {string | null} address
 * @param {import('./state.js').State['focus']} [focus]
 */
export function select(app, address, focus = address === null ? 'people' : 'chat') {
  const { state } = app;
  if (address !== null) chatWith(state, address);
  state.selected = address;
  state.focus = focus;
  app.changed();
}

/**
 * @param {App} app
 * @param {DialEvent} dial
 */
function ringsMe(app, dial) {
  const chat = chatWith(app.state, dial.address);
  const isExpected = dial.answered || chat.phase === 'ringing';
  if (!isExpected && !mayRing(app, dial.address)) return; // it is told of as a missed call
  Object.assign(chat, { dial, phase: 'incoming', wants: isExpected && chat.wants.audio ? chat.wants : wantsOf(dial) });
  dial.signal.addEventListener('abort', () => {
    if (chat.dial !== dial) return;
    Object.assign(chat, { dial: null, phase: 'idle' }); // whether it was missed is told by an event
    app.changed();
  });
  if (isExpected) void accept(app, chat);
  app.changed();
}

/**
 * Return what a call wants. Who answers by the notification has not seen that it is for video: the camera stays off.
 * @param {DialEvent} dial
 */
function wantsOf({ wants, answered }) {
  return { audio: wants.audio, video: wants.video && !answered };
}

/**
 * @param {App} app
 * @param {string} address
 * @param {number} at ms
 */
function miss(app, address, at) {
  if (app.state.screening.blocked.has(address)) return;
  const chat = chatWith(app.state, address);
  const last = chat.entries.at(-1);
  if (last?.kind === 'note' && last.text === t('call.missed') && at - last.at.getTime() < MISSED_APART_MS) return;
  chat.missed += 1;
  chat.unread += 1;
  addNote(app, chat, t('call.missed'), at);
}

/**
 * @param {App} app
 * @param {Chat} chat
 * @param {unknown} error
 */
function fail(app, chat, error) {
  if (chat.peer) return; // meanwhile a call of theirs has connected us
  const peer = app.state.whisper?.peers.get(chat.address);
  if (peer && codeOf(error) === 'already_connected') return attach(app, peer);
  if (chat.phase !== 'incoming') chat.phase = 'idle';
  void stopSharing(app, chat);
  chat.trouble = codeOf(error) === 'cancelled' ? null : error;
}
