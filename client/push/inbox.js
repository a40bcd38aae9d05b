/**
 * Inbox of pushes, shared by the service worker and the pages: verification, deduplication, and storage of unhandled calls.
 * docs/protocol.md, "The recipient", is the norm.
 * @module
 */

import { Identity, verify } from '../identity.js';
import { Dropped } from '../protocol/errors.js';
import { PUSH_WINDOW_MS, isAnsweredElsewhere, isHangUp } from '../protocol/messages.js';
import { readPush } from '../protocol/push-parser.js';
import { storedServerTime } from '../server-clock.js';

/** @typedef {import('../protocol/messages.js').Call} Call */
/** @typedef {import('../store.js').Store} Store */

/** A call as it is kept. `settled`: a page has dealt with it, and it stays only so that it is not taken again; `untold`: no page was there to hear that
 * another device has dealt with it.
 * @typedef {Call & {settled?: boolean, untold?: boolean}} Kept
 */

/** A click on a notification, until a page takes it.
 * @typedef {{address: string, action: 'answer' | 'decline'}} Click
 */

/** A page takes a moment to open; whoever opens one later has something else in mind. */
const CLICK_LIFE_MS = 60_000;
const CLICKED = 'clicked';
/** The tag of the one notification of calls that were refused. */
export const SCREENED = 'screened';
/** Calls that are remembered until a page tells of them; the oldest are forgotten first. */
const MAX_UNTOLD = 100;

/**
 * Believe a push, or drop it: its age, recipient and signature, and that it has not been here before.
 * @param {Store} store
 * @param {unknown} push the `data` of the push message
 * @param {unknown} [devices] to how many devices it was sent, as the server says
 * @returns {Promise<Call>}
 * @throws {Dropped} which has been counted
 */
export async function receive(store, push, devices) {
  try {
    const me = await Identity.load(store);
    if (!me) throw new Dropped('not_for_me');
    const now = await storedServerTime(store);
    const read = readPush(push, me.address, now);
    const call = isCount(devices) ? { ...read, devices } : read;
    if (!(await verify(call.sender, call.text, call.signature))) throw new Dropped('forged');
    if (!(await store.add('calls', call))) throw new Dropped('seen');
    if (call.devices) await store.update('state', 'device', (own) => ({ ...own, several: true }));
    await tidy(store, now);
    return call;
  } catch (error) {
    if (error instanceof Dropped) await countDropped(store, error.reason);
    throw error;
  }
}

/**
 * Return what no page has dealt with yet, oldest first.
 * @param {Store} store
 * @returns {Promise<Call[]>}
 */
export async function listUnhandled(store) {
  const kept = /** @type {Kept[]} */ (await store.all('calls'));
  return kept.filter((call) => !call.settled).sort((one, other) => one.sentAt - other.sentAt);
}

/**
 * Mark dials that another device has dealt with. Pushes have no order: a dial may come after the close that tells so.
 * @param {Store} store
 * @param {Call} call that has been received: a dial, or a close that names one
 * @returns {Promise<Call[]>} the dials that need not ring
 */
export async function settleAnsweredElsewhere(store, call) {
  const kept = /** @type {Kept[]} */ (await store.all('calls'));
  const isDealtWith = (/** @type {Call} */ dial) => kept.some((close) => isAnsweredElsewhere(close, dial));
  const dials = kept.filter((dial) => dial.method === 'dial' && !dial.settled && isDealtWith(dial));
  for (const dial of dials) await store.put('calls', { ...dial, settled: true, untold: true });
  return dials.filter((dial) => dial.signature === call.signature || dial.encryptionKey === call.dialKey);
}

/**
 * Take the dials that another device has dealt with while no page was there, oldest first, once.
 * @param {Store} store
 * @returns {Promise<Call[]>}
 */
export async function takeAnsweredElsewhere(store) {
  const untold = /** @type {Kept[]} */ (await store.all('calls')).filter((dial) => dial.untold);
  for (const dial of untold) await store.put('calls', { ...dial, untold: false });
  return untold.sort((one, other) => one.sentAt - other.sentAt);
}

/**
 * Return how many calls were missed that no page has told of: their callers have hung up, or nobody can answer them any more.
 * @param {Store} store
 * @param {number} now
 */
export async function countMissed(store, now) {
  const unhandled = await listUnhandled(store);
  const hasHungUp = (/** @type {Call} */ dial) => unhandled.some((close) => isHangUp(close, dial));
  return unhandled.filter((call) => call.method === 'dial' && (isMissed(call, now) || hasHungUp(call))).length;
}

/**
 * Note that a call has been dealt with.
 * @param {Store} store
 * @param {Call} call
 */
export async function markHandled(store, call) {
  await store.put('calls', { ...call, settled: true });
}

/**
 * @param {Store} store
 * @param {import('../protocol/errors.js').DropReason} reason
 * @param {number} [count]
 */
export async function countDropped(store, reason, count = 1) {
  await store.update('state', 'dropped', (dropped = {}) => ({ ...dropped, [reason]: (dropped[reason] ?? 0) + count }));
}

/**
 * Tell whether a dial can't be answered any more, only dialled back.
 * @param {Call} dial
 * @param {number} now
 */
export function isMissed(dial, now) {
  return now - dial.sentAt > PUSH_WINDOW_MS;
}

/**
 * Park a click on a notification. A page takes it from here alone: nothing in a URL or in a message says whom to call.
 * @param {Store} store
 * @param {Click} click
 * @param {number} now ms
 */
export async function parkClick(store, { address, action }, now) {
  await store.put('state', { address, action, at: now }, CLICKED);
}

/**
 * Take the click that is parked, once.
 * @param {Store} store
 * @param {number} now ms
 * @returns {Promise<Click | undefined>} undefined when there is none, or it is over a minute old
 */
export async function takeClick(store, now) {
  const parked = await store.take('state', CLICKED);
  const age = now - parked?.at;
  return age >= 0 && age <= CLICK_LIFE_MS ? { address: parked.address, action: parked.action } : undefined;
}

/**
 * Find the notification of a call that rings.
 * @param {ServiceWorkerRegistration} registration
 * @param {(dial: Call) => boolean} isMeant
 * @returns {Promise<Notification | undefined>}
 */
export async function findRinging(registration, isMeant) {
  const shown = await registration.getNotifications();
  return shown.find(({ data }) => data?.rings && data.dial && isMeant(data.dial));
}

/**
 * Close the notification of a dial, or of an older one of the same caller; one of a newer dial rings on.
 * @param {ServiceWorkerRegistration} registration
 * @param {Call} dial that need not ring
 */
export async function closeRinging(registration, { sender, sentAt }) {
  const found = await findRinging(registration, (dial) => dial.sender === sender && dial.sentAt <= sentAt);
  found?.close();
}

/**
 * Close what was shown only because the browser wanted something shown.
 * @param {ServiceWorkerRegistration} registration
 */
export async function closeScreened(registration) {
  for (const shown of await registration.getNotifications({ tag: SCREENED })) shown.close();
}

/**
 * Delete what is too old to come again; dials of which no page has told stay.
 * @param {Store} store
 * @param {number} now
 */
async function tidy(store, now) {
  const old = /** @type {Kept[]} */ (await store.all('calls')).filter((call) => now - call.sentAt > 2 * PUSH_WINDOW_MS);
  const untold = old.filter((call) => call.method === 'dial' && (!call.settled || call.untold)).sort((one, other) => other.sentAt - one.sentAt);
  const stays = new Set(untold.slice(0, MAX_UNTOLD));
  await Promise.all(old.filter((call) => !stays.has(call)).map((call) => store.delete('calls', call.signature)));
}

/**
 * @param {unknown} value
 * @returns {value is number} whether it is more than one
 */
function isCount(value) {
  return Number.isSafeInteger(value) && Number(value) > 1;
}
