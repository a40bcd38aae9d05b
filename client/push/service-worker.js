/// <reference lib="webworker" />
/**
 * Service worker for calls: verification of pushes, delivery to open pages, and notifications.
 * @module
 */

import { ApiClient } from '../api-client.js';
import { isQuiet, mayStaySilent, readScreening } from '../call-screening.js';
import { Identity } from '../identity.js';
import { Dropped } from '../protocol/errors.js';
import { isHangUp } from '../protocol/messages.js';
import { pause } from '../promises.js';
import { Store } from '../store.js';
import { closeRinging, countMissed, listUnhandled, markHandled, parkClick, receive, settleAnsweredElsewhere } from './inbox.js';
import { notify, notifyForced, notifyScreened, notifySilenced, showBadge } from './notifications.js';
import { subscribe, withSubscriptionLock } from './subscription.js';
import { askPages, postToPages } from './worker-messages.js';

/** @typedef {import('../protocol/messages.js').Call} Call */

/** @typedef {import('./notifications.js').Message} Message */
/** @typedef {import('./notifications.js').Options} Options */

/** A page that does not say by then that it can be heard is not. */
const AUDIBLE_MS = 500;
/** A page that does not say by then since when it is there may be a reload that has just begun. */
const PRESENCE_MS = 3000;
/** A page that is reloaded is there again by then, as the old one goes when the new one comes. */
const RELOAD_MS = 700;
/** A page that began so long before another went was there already. */
const LOADING_MS = 10_000;

/** The pages that have gone while this worker lives, which is not long. @type {Set<string>} */
const left = new Set();

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

/**
 * Handle pushes, clicks on notifications, and changed subscriptions. A click on the action `decline` declines; any other answers.
 * @param {Partial<Options>} [options]
 */
export function install({ describe = ({ title, body }) => ({ title, body }), actions = [] } = {}) {
  worker.addEventListener('push', (event) => event.waitUntil(onPush(event, { describe, actions })));
  worker.addEventListener('notificationclick', (event) => event.waitUntil(onClick(event)));
  worker.addEventListener('message', (event) => event.waitUntil(onPageMessage(event)));
  worker.addEventListener('pushsubscriptionchange', (event) => {
    /** @type {ExtendableEvent} */ (event).waitUntil(renewSubscription());
  });
}

/**
 * @param {PushEvent} event
 * @param {Options} options
 */
async function onPush(event, options) {
  const message = parse(event);
  const pages = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const code = verificationCode(message);
  if (code !== undefined) return postToPages(pages, { whisper: 'verify', code });
  try {
    await Store.use((store) => onMessage(store, message, pages, options));
  } catch (error) {
    await notifyForced(message);
    if (!(error instanceof Dropped)) throw error;
    postToPages(pages, { whisper: 'drop', reason: error.reason });
  }
}

/**
 * @param {Store} store
 * @param {Message} message
 * @param {readonly WindowClient[]} pages
 * @param {Options} options
 * @throws {Dropped}
 */
async function onMessage(store, message, pages, options) {
  const call = await receive(store, message.data, message.devices);
  const screening = await readScreening(store);
  if (screening.blocked.has(call.sender)) return refuse(store, call, message, pages);
  const elsewhere = await settleAnsweredElsewhere(store, call);
  for (const dial of elsewhere) await closeRinging(worker.registration, dial);
  if (call.method === 'dial' && elsewhere.length > 0) return notify(call, message, { heard: true, unanswered: false }, options);
  const unanswered = await isUnsettled(store, (dial) => isHangUp(call, dial)); // before a page settles it
  postToPages(pages, { whisper: 'call', call });
  if (call.method === 'dial' && isQuiet(screening, Date.now())) return notifySilenced(call, message, !(await mayStaySilent(store, pages.length > 0)), options);
  const heard = call.method === 'dial' && (await isHeard(pages)); // the pages have the call already: nothing waits for this
  const missed = await notify(call, message, { heard, unanswered }, options);
  if (missed && pages.length === 0) await showBadge(await countMissed(store, call.sentAt));
  const handled = call.method === 'dial' && !(await isUnsettled(store, ({ signature }) => signature === call.signature)); // a page was faster than the notification
  if (handled) await closeRinging(worker.registration, call);
}

/**
 * Deal with a call of somebody who is blocked: no page hears of it, and nothing is answered.
 * @param {Store} store
 * @param {Call} call
 * @param {Message} message
 * @param {readonly WindowClient[]} pages
 */
async function refuse(store, call, message, pages) {
  await markHandled(store, call);
  await notifyScreened(message, !(await mayStaySilent(store, pages.length > 0)));
}

/**
 * Tell whether a page rings so that it can be heard: it is in front, and a browser lets it make a sound, which needs a click before.
 * @param {readonly WindowClient[]} pages
 */
async function isHeard(pages) {
  const seen = pages.filter((page) => page.visibilityState === 'visible' && page.focused);
  return (await askPages(seen, AUDIBLE_MS)).some((presence) => presence?.audible === true);
}

/**
 * Park what was clicked, if it told of a call; then tell a page to take it, or open one, which takes it when it starts.
 * @param {NotificationEvent} event
 */
async function onClick(event) {
  event.notification.close();
  const { address, answers } = /** @type {{address?: string, answers?: boolean}} */ (event.notification.data ?? {});
  const [page] = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (!address || !answers) return void (await (page ? page.focus().catch(() => undefined) : worker.clients.openWindow('./')));
  const action = event.action === 'decline' ? 'decline' : 'answer';
  if (action === 'decline' && !page) return decline(address);
  await Store.use((store) => parkClick(store, { address, action }, Date.now()));
  if (!page) return void (await worker.clients.openWindow('./'));
  postToPages([page], { whisper: 'clicked' });
  if (action === 'answer') await page.focus().catch(() => undefined); // a browser may refuse: the page has been told
}

/**
 * Tell the caller without opening a page.
 * @param {string} address
 */
async function decline(address) {
  await withServer(async (server, store) => {
    const calls = (await listUnhandled(store)).filter(({ sender }) => sender === address);
    for (const call of calls) await markHandled(store, call);
    const dial = calls.findLast(({ method }) => method === 'dial');
    if (dial) await server.silence(dial).catch(() => undefined);
    await server.relay('close', address, { toDevice: dial?.fromDevice });
  });
}

/**
 * A page goes that others are connected with: unless it is reloaded, tell them.
 * @param {ExtendableMessageEvent} event
 */
async function onPageMessage({ data, source }) {
  if (data?.whisper !== 'leaving' || !(source instanceof WindowClient) || !Array.isArray(data.addresses)) return;
  const leftAt = Date.now();
  await pause(RELOAD_MS);
  const findPages = () => worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (left.has(source.id) || (await findPages()).some(({ id }) => id === source.id)) return; // it says so twice, and may have stayed
  left.add(source.id);
  await pause(RELOAD_MS); // the old page of a reload, or of the next one, has gone a moment before the new one is there
  const others = await askPages(await findPages(), PRESENCE_MS);
  const isReloaded = others.some((presence) => presence === undefined || presence.since > leftAt - LOADING_MS);
  if (isReloaded) return; // or it may be: they wait for its dial
  await withServer(async (server) => void (await Promise.allSettled(data.addresses.map((/** @type {string} */ address) => server.relay('close', address, {}, leftAt)))));
}

/** The browser has taken the subscription away: get another, for the same server's key, and register it. */
async function renewSubscription() {
  await withServer(async (server, store) => {
    const { vapid_public_key: key } = await server.config();
    await withSubscriptionLock(async () => server.update(await subscribe(worker.registration.pushManager, store, key)));
  });
}

/** @param {(server: ApiClient, store: Store) => Promise<void>} work */
async function withServer(work) {
  await Store.use(async (store) => {
    const [identity, origin] = [await Identity.load(store), await store.get('state', 'server')];
    if (identity && origin) await work(new ApiClient(origin, identity, store), store);
  });
}

/**
 * @param {Store} store
 * @param {(dial: Call) => boolean} isMeant
 */
async function isUnsettled(store, isMeant) {
  return (await listUnhandled(store)).some((call) => call.method === 'dial' && isMeant(call));
}

/**
 * @param {PushEvent} event
 * @returns {Message}
 */
function parse(event) {
  try {
    return event.data?.json() ?? {};
  } catch {
    return {};
  }
}

/** @param {Message} message */
function verificationCode(message) {
  const { a, b } = /** @type {{a?: unknown, b?: unknown}} */ (message.data ?? {});
  return a === 'verify' && typeof b === 'string' ? b : undefined;
}
