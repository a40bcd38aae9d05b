/// <reference lib="webworker" />
/**
 * The service worker's part: pushes come in here, are believed or dropped, go to the open pages, and ring when nobody looks.
 * @module
 */

import { Dropped } from '../protocol/errors.js';
import { parkClick, receive, settle, waiting } from './inbox.js';
import { Identity } from '../keys.js';
import { decodeUrl } from '../protocol/base64.js';
import { Server } from '../server.js';
import { Store } from '../store.js';

/** @typedef {import('../protocol/messages.js').Call} Call */

/** What a push says to whom it is shown; Safari's carry `silent`, and must always be shown.
 * @typedef {{title?: string, body?: string, tag?: string, silent?: boolean, data?: unknown}} Message
 */

/** The words of a notification.
 * @typedef {NotificationOptions & {title: string}} Words
 */

/** What an app may say about a call: the address is the caller's, `missed` when they have hung up.
 * @typedef {(call: {address: string, method: string, missed: boolean, title: string, body: string}) => Words | Promise<Words>} Describe
 */

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

/** What a ringing notification offers, where the browser has buttons for it. */
const ACTIONS = [
  { action: 'answer', title: 'Answer' },
  { action: 'decline', title: 'Decline' },
];

/**
 * Handle pushes, clicks on notifications, and changed subscriptions.
 * @param {{describe?: Describe}} [options]
 */
export function install({ describe = ({ title, body }) => ({ title, body }) } = {}) {
  worker.addEventListener('push', (event) => event.waitUntil(take(event, describe)));
  worker.addEventListener('notificationclick', (event) => event.waitUntil(click(event)));
  worker.addEventListener('pushsubscriptionchange', (event) => {
    /** @type {ExtendableEvent} */ (event).waitUntil(subscribeAnew());
  });
}

/**
 * @param {PushEvent} event
 * @param {Describe} describe
 */
async function take(event, describe) {
  const message = parse(event);
  const windows = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  /** @param {unknown} words */
  const tell = (words) => windows.forEach((client) => client.postMessage(words));
  const code = verificationCode(message);
  if (code !== undefined) return tell({ whisper: 'verify', code });
  const store = await Store.open();
  try {
    const call = await receive(store, message.data);
    const unanswered = call.method === 'close' && (await isUnsettled(store, call.sender)); // before a page settles it
    tell({ whisper: 'call', call });
    const seen = windows.some((client) => client.visibilityState === 'visible');
    await notify(call, message, { seen, unanswered }, describe);
    const dealtWith = call.method === 'dial' && !(await isUnsettled(store, call.sender)); // a page was faster than the notification
    if (dealtWith) (await ringing(call.sender))?.close();
  } catch (error) {
    if (isForced(message)) await worker.registration.showNotification('Whisper', { tag: message.tag, silent: true });
    if (!(error instanceof Dropped)) throw error;
    tell({ whisper: 'drop', reason: error.reason });
  } finally {
    store.close();
  }
}

/**
 * Show a dial when nobody looks at a page, and whatever Safari wants shown. The pages have the call already: nothing waits for this.
 * @param {Call} call
 * @param {Message} message
 * @param {{seen: boolean, unanswered: boolean}} now whether a page is visible, and whether who hangs up was not answered
 * @param {Describe} describe
 */
async function notify(call, message, { seen, unanswered }, describe) {
  const rang = call.method === 'close' ? await ringing(call.sender) : undefined;
  const missed = rang !== undefined && unanswered;
  rang?.close();
  const rings = call.method === 'dial' && !seen;
  if (!rings && !missed && !isForced(message)) return;
  const { title = missed ? 'Missed call' : 'Whisper', body = '' } = message;
  const { title: shown, ...more } = await describe({ address: call.sender, method: call.method, missed, title, body });
  /** @type {NotificationOptions & {actions?: {action: string, title: string}[], renotify?: boolean}} */
  const options = {
    body,
    tag: message.tag ?? rang?.tag,
    silent: !rings,
    data: { address: call.sender, rings },
    requireInteraction: rings,
    ...(rings && { actions: ACTIONS }),
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
 * Park what was clicked; then tell a page to take it, or open one, which takes it when it starts.
 * @param {NotificationEvent} event
 */
async function click(event) {
  event.notification.close();
  const { address } = /** @type {{address: string}} */ (event.notification.data);
  const [window] = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const action = event.action === 'decline' ? 'decline' : 'answer';
  if (action === 'decline' && !window) return decline(address);
  await park({ address, action });
  window?.postMessage({ whisper: 'clicked' });
  if (action === 'decline') return;
  if (!window) await worker.clients.openWindow('./');
  else await window.focus().catch(() => undefined); // a browser may refuse: the page has been told
}

/** @param {import('./inbox.js').Click} click */
async function park(click) {
  const store = await Store.open();
  try {
    await parkClick(store, click, Date.now());
  } finally {
    store.close();
  }
}

/**
 * Tell the caller without opening a page.
 * @param {string} address
 */
async function decline(address) {
  await withServer(async (server, store) => {
    for (const call of await waiting(store)) if (call.sender === address) await settle(store, call);
    await server.relay('close', address);
  });
}

/** The browser has taken the subscription away: get another, for the same server's key, and register it. */
async function subscribeAnew() {
  await withServer(async (server) => {
    const applicationServerKey = decodeUrl((await server.config()).vapid_public_key);
    const subscription = await worker.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
    await server.update(subscription);
  });
}

/** @param {(server: Server, store: Store) => Promise<void>} use */
async function withServer(use) {
  const store = await Store.open();
  try {
    const [identity, origin] = [await Identity.load(store), await store.get('state', 'server')];
    if (identity && origin) await use(new Server(origin, identity, store), store);
  } finally {
    store.close();
  }
}

/** @param {string} address */
async function ringing(address) {
  const shown = await worker.registration.getNotifications();
  return shown.find((notification) => notification.data?.address === address && notification.data.rings);
}

/**
 * @param {Store} store
 * @param {string} address
 */
async function isUnsettled(store, address) {
  return (await waiting(store)).some((call) => call.sender === address && call.method === 'dial');
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
