/**
 * Call screening by the person: blocked people and "do not disturb", the same in every window.
 * @module
 */

import { block, isQuiet, readScreening, setQuiet, unblock } from '../../client/call-screening.js';
import { Store } from '../../client/store.js';

/** @typedef {import('../state.js').App} App */

const CHANNEL = 'whisper-screening';
/** `setTimeout` takes no more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** @type {BroadcastChannel | undefined} to the other windows */
let channel;
let timer = 0;

/**
 * Read who is blocked and until when it is quiet, now and whenever another window changes it.
 * @param {App} app
 */
export async function loadScreening(app) {
  channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = () => void load(app);
  await load(app);
}

/**
 * Refuse a person's calls from now on, and hang up.
 * @param {App} app
 * @param {string} address
 */
export function blockPerson(app, address) {
  return change(app, (store) => block(store, address));
}

/**
 * @param {App} app
 * @param {string} address
 */
export function unblockPerson(app, address) {
  return change(app, (store) => unblock(store, address));
}

/**
 * Let no call ring until then, or 0: from now on they ring.
 * @param {App} app
 * @param {number} until ms
 */
export function setDoNotDisturb(app, until) {
  return change(app, (store) => setQuiet(store, until));
}

/**
 * Tell whether somebody may ring here.
 * @param {App} app
 * @param {string} address
 */
export function mayRing({ state: { screening } }, address) {
  return !screening.blocked.has(address) && !isQuiet(screening, Date.now());
}

/**
 * @param {App} app
 * @param {(store: Store) => Promise<void>} work
 */
async function change(app, work) {
  try {
    await Store.use(work);
    channel?.postMessage(null);
  } catch (error) {
    app.notices.alert(error, { key: 'screening' });
  }
  await load(app);
}

/** @param {App} app */
async function load(app) {
  try {
    app.state.screening = await Store.use(readScreening);
  } catch (error) {
    app.notices.alert(error, { key: 'screening' });
  }
  for (const address of app.state.screening.blocked) hangUp(app, address);
  await closeNotifications(app.state.screening.blocked).catch(() => undefined);
  clearTimeout(timer);
  const left = app.state.screening.quietUntil - Date.now();
  if (left > 0 && left < MAX_TIMER_MS) timer = window.setTimeout(app.changed, left);
  app.changed();
}

/**
 * Close what tells of their calls: their hang-up, which would end the ringing, is refused as well.
 * @param {ReadonlySet<string>} blocked
 */
async function closeNotifications(blocked) {
  const registration = await navigator.serviceWorker?.getRegistration();
  for (const shown of (await registration?.getNotifications()) ?? []) if (blocked.has(shown.data?.address)) shown.close();
}

/**
 * End whatever there is with somebody, and answer nothing.
 * @param {App} app
 * @param {string} address
 */
function hangUp({ state }, address) {
  const chat = state.chats.get(address);
  if (!chat) return;
  chat.dialling?.abort();
  if (chat.dial) Object.assign(chat, { dial: null, phase: 'idle' });
  void chat.peer?.close();
}
