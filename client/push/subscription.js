/**
 * Push subscription for the server's key: the one of this scope, replaced when it is of no use; shared by the pages and the service worker.
 * @module
 */

import { decodeUrl, encode } from '../protocol/base64.js';
import { WhisperError } from '../protocol/errors.js';

/** @typedef {import('../store.js').Store} Store */

/** Where the endpoint is kept that we have subscribed: another one in our scope is somebody else's. */
const ENDPOINT = 'endpoint';
/** A name that no host has: browsers give it to subscriptions that they have given up. */
const NOWHERE = /\.invalid$/;
/** Nobody waits longer for another window that registers. */
const LOCK_MS = 20_000;

/**
 * Do *work* while no other window, and no worker, does such work: two would take each other's subscription away.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withSubscriptionLock(work) {
  let isMine = false;
  try {
    return await navigator.locks.request('whisper-subscription', { signal: AbortSignal.timeout(LOCK_MS) }, () => {
      isMine = true;
      return work();
    });
  } catch (error) {
    if (isMine) throw error;
    return work(); // that window hangs
  }
}

/**
 * Return the subscription for the server's key, a new one when there is none that is of use.
 * @param {PushManager} manager
 * @param {Store} store
 * @param {string} key the server's VAPID key, base64url
 * @returns {Promise<PushSubscription>}
 * @throws {WhisperError} `foreign_subscription`, `permission_denied`, `push_service_unreachable`, `push_unavailable`
 */
export async function subscribe(manager, store, key) {
  try {
    const applicationServerKey = decodeUrl(key);
    const existing = await manager.getSubscription();
    const isForKey = existing !== null && isBoundTo(existing, applicationServerKey);
    if (existing && !isForKey && existing.endpoint !== (await store.get('state', ENDPOINT))) throw new WhisperError('foreign_subscription');
    const isUsed = existing !== null && isForKey && isOfUse(existing);
    if (!isUsed) await existing?.unsubscribe();
    const subscription = isUsed ? existing : await manager.subscribe({ userVisibleOnly: true, applicationServerKey });
    if (!isOfUse(subscription)) throw new WhisperError('push_unavailable');
    await store.put('state', subscription.endpoint, ENDPOINT);
    return subscription;
  } catch (cause) {
    throw cause instanceof WhisperError ? cause : new WhisperError(subscribeFault(cause), { cause });
  }
}

/**
 * @param {PushSubscription} subscription
 * @param {import('../protocol/base64.js').Bytes} key
 */
function isBoundTo({ options }, key) {
  return options.applicationServerKey !== null && encode(options.applicationServerKey) === encode(key);
}

/**
 * @param {PushSubscription} subscription
 * @returns {boolean} whether pushes can come by it: it has not expired, and has an endpoint
 */
function isOfUse({ endpoint, expirationTime }) {
  return (expirationTime ?? Infinity) > Date.now() && !NOWHERE.test(new URL(endpoint).hostname);
}

/**
 * @param {unknown} cause
 * @returns {import('../protocol/errors.js').Code}
 */
function subscribeFault(cause) {
  const name = cause instanceof DOMException ? cause.name : '';
  if (name === 'NotAllowedError') return 'permission_denied';
  return name === 'AbortError' ? 'push_service_unreachable' : 'push_unavailable';
}
