/// <reference lib="webworker" />
/**
 * Service worker for calls: verification of pushes, delivery to open pages, and notifications.
 * @module
 */

import { ApiClient } from '../api-client.js';
import { Identity } from '../identity.js';
import { decodeUrl } from '../protocol/base64.js';
import { Dropped } from '../protocol/errors.js';
import { Store } from '../store.js';
import { findRinging, listUnhandled, markHandled, parkClick, receive } from './inbox.js';
import { postToPages } from './worker-messages.js';

/** @typedef {import('../protocol/messages.js').Call} Call */

/** The title of a notification that nobody has words for. */
const NAMELESS = 'Whisper';

/** What a push says to whom it is shown; Safari's carry `silent`, and must always be shown.
 * @typedef {{title?: string, body?: string, tag?: string, silent?: boolean, data?: unknown}} Message
 */

/** The words of a notification.
 * @typedef {NotificationOptions & {title: string}} Words
 */

/** What an app may say about a call: the address is the caller's, `missed` when they have hung up.
 * @typedef {(call: {address: string, method: string, missed: boolean, title: string, body: string}) => Words | Promise<Words>} Describe
 */

/** A button of a ringing notification, where the browser has some.
 * @typedef {{action: 'answer' | 'decline', title: string}} Action
 */

/** What an app chooses: the words, and the buttons.
 * @typedef {{describe: Describe, actions: Action[]}} Options
 */

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

/**
 * Handle pushes, clicks on notifications, and changed subscriptions. A click on the action `decline` declines; any other answers.
 * @param {Partial<Options>} [options]
 */
export function install({ describe = ({ title, body }) => ({ title, body }), actions = [] } = {}) {
  worker.addEventListener('push', (event) => event.waitUntil(onPush(event, { describe, actions })));
  worker.addEventListener('notificationclick', (event) => event.waitUntil(onClick(event)));
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
    if (isForced(message)) await worker.registration.showNotification(NAMELESS, { tag: message.tag, silent: true });
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
  const call = await receive(store, message.data);
  const unanswered = call.method === 'close' && (await isUnsettled(store, call.sender)); // before a page settles it
  postToPages(pages, { whisper: 'call', call });
  const seen = pages.some((page) => page.visibilityState === 'visible');
  await notify(call, message, { seen, unanswered }, options);
  const handled = call.method === 'dial' && !(await isUnsettled(store, call.sender)); // a page was faster than the notification
  if (handled) (await findRinging(worker.registration, call.sender))?.close();
}

/**
 * Show a dial when nobody looks at a page, and whatever Safari wants shown. The pages have the call already: nothing waits for this.
 * @param {Call} call
 * @param {Message} message
 * @param {{seen: boolean, unanswered: boolean}} now whether a page is visible, and whether who hangs up was not answered
 * @param {Options} options
 */
async function notify(call, message, { seen, unanswered }, { describe, actions }) {
  const rang = call.method === 'close' ? await findRinging(worker.registration, call.sender) : undefined;
  const missed = rang !== undefined && unanswered;
  rang?.close();
  const rings = call.method === 'dial' && !seen;
  if (!rings && !missed && !isForced(message)) return;
  const { title = missed ? 'Missed call' : NAMELESS, body = '' } = message;
  const { title: shown, ...more } = await describe({ address: call.sender, method: call.method, missed, title, body });
  /** @type {NotificationOptions & {actions?: Action[], renotify?: boolean}} */
  const options = {
    body,
    tag: message.tag ?? rang?.tag,
    silent: !rings,
    data: { address: call.sender, rings, answers: rings || missed },
    requireInteraction: rings,
    ...(rings && { actions }),
    ...more,
  };
  await worker.registration.showNotification(shown, options);
}

/**
 * @param {Message} message
 * @returns {boolean} whether it is for Safari: three pushes that show nothing, believed or not, end the subscription
 */
function isForced(message) {
  return message.silent !== undefined;
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
    for (const call of await listUnhandled(store)) if (call.sender === address) await markHandled(store, call);
    await server.relay('close', address);
  });
}

/** The browser has taken the subscription away: get another, for the same server's key, and register it. */
async function renewSubscription() {
  await withServer(async (server) => {
    const applicationServerKey = decodeUrl((await server.config()).vapid_public_key);
    const subscription = await worker.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
    await server.update(subscription);
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
 * @param {string} address
 */
async function isUnsettled(store, address) {
  return (await listUnhandled(store)).some((call) => call.sender === address && call.method === 'dial');
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
