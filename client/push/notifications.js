/// <reference lib="webworker" />
/**
 * Notifications of calls: what rings, what was missed, and what a browser wants shown; the icon's badge.
 * @module
 */

import { isHangUp } from '../protocol/messages.js';
import { SCREENED, findRinging } from './inbox.js';

/** @typedef {import('../protocol/messages.js').Call} Call */

/** Notification that a push carries; Safari's carry `silent`, and must always be shown.
 * @typedef {{title?: string, body?: string, tag?: string, silent?: boolean, data?: unknown, devices?: unknown}} Message
 */

/** The words of a notification.
 * @typedef {NotificationOptions & {title: string}} Words
 */

/** Call that an app may describe: the address is the caller's, `missed` when they have hung up.
 * @typedef {(call: {address: string, method: string, missed: boolean, title: string, body: string}) => Words | Promise<Words>} Describe
 */

/** A button of a ringing notification, where the browser has some.
 * @typedef {{action: 'answer' | 'decline', title: string}} Action
 */

/** Choices of an app: the words, and the buttons.
 * @typedef {{describe: Describe, actions: Action[]}} Options
 */

/** Data of a notification: whose call, and which; the dial while it rings.
 * @typedef {{address: string, rings: boolean, answers: boolean, signature: string, dial?: Call}} Noted
 */

/** The title of a notification that nobody has words for. */
const NAMELESS = 'Whisper';

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

/**
 * Show a dial when nobody hears a page, a call that was missed, and whatever Safari wants shown.
 * @param {Call} call
 * @param {Message} message
 * @param {{heard: boolean, unanswered: boolean}} now whether a page rings loud enough, and whether who hangs up was not answered
 * @param {Options} options
 * @returns {Promise<boolean>} whether it tells of a missed call
 */
export async function notify(call, message, { heard, unanswered }, { describe, actions }) {
  const rang = call.method === 'close' ? await findRinging(worker.registration, (dial) => isHangUp(call, dial)) : undefined;
  const missed = rang !== undefined && unanswered;
  const rings = call.method === 'dial' && !heard;
  if (rings || missed || isForced(message)) {
    const { title = missed ? 'Missed call' : NAMELESS, body = '' } = message;
    const words = await describe({ address: call.sender, method: call.method, missed, title, body });
    const tag = missed ? `missed ${rang.tag}` : message.tag; // its own: the next ring does not replace it
    await show(call, { body, tag, requireInteraction: rings, ...(rings && { actions }), ...words }, { rings, missed });
  }
  rang?.close(); // after the other is there: a browser may count a push that leaves nothing to see
  return missed;
}

/**
 * Show a dial that must not ring as a missed call, where a browser wants something shown.
 * @param {Call} call
 * @param {Message} message
 * @param {boolean} isDue whether too many pushes have shown nothing
 * @param {Options} options
 */
export async function notifySilenced(call, message, isDue, { describe }) {
  if (!isDue && !isForced(message)) return;
  const words = await describe({ address: call.sender, method: call.method, missed: true, title: 'Missed call', body: '' });
  await show(call, { tag: `missed ${message.tag}`, ...words }, { rings: false, missed: true });
}

/**
 * Show that there was something, and not of whom, where a browser wants something shown for a call that was refused.
 * @param {Message} message
 * @param {boolean} isDue whether too many pushes have shown nothing
 */
export async function notifyScreened(message, isDue) {
  if (isDue || isForced(message)) await worker.registration.showNotification(NAMELESS, { tag: SCREENED, silent: true });
}

/** Show what a browser wants shown, and nobody believes. @param {Message} message */
export async function notifyForced(message) {
  if (isForced(message)) await worker.registration.showNotification(NAMELESS, { tag: message.tag, silent: true });
}

/**
 * Let the icon say how many calls were missed, where it can.
 * @param {number} missed
 */
export async function showBadge(missed) {
  await navigator.setAppBadge?.(missed).catch(() => undefined);
}

/**
 * @param {Call} call
 * @param {Words & {actions?: Action[]}} words
 * @param {{rings: boolean, missed: boolean}} what it is
 */
async function show(call, { title, ...words }, { rings, missed }) {
  /** @type {Noted} */
  const noted = { address: call.sender, rings, answers: rings || missed, signature: call.signature, ...(rings && { dial: call }) };
  /** @type {NotificationOptions & {renotify?: boolean}} */
  const options = { silent: !rings, renotify: rings && Boolean(words.tag), data: noted, ...words }; // a second ring makes a sound again
  await worker.registration.showNotification(title, options);
  for (const older of await worker.registration.getNotifications()) if (isReplaced(older.data, noted)) older.close();
}

/**
 * Tell whether a newer notification has taken the place of one: iOS ignores the tag, and stacks them.
 * @param {Partial<Noted> | null} older
 * @param {Noted} newer
 */
function isReplaced(older, { address, rings, answers, signature }) {
  return older?.address === address && older.rings === rings && older.answers === answers && older.signature !== signature;
}

/**
 * @param {Message} message
 * @returns {boolean} whether it is for Safari: three pushes that show nothing, believed or not, end the subscription
 */
function isForced(message) {
  return message.silent !== undefined;
}
