/**
 * Registration for pushes at the server: a push subscription, an update, and the proof that we read its endpoint.
 * @module
 */

import { Identity } from '../identity.js';
import { WhisperError } from '../protocol/errors.js';
import { subscribe, withSubscriptionLock } from './subscription.js';
import { listenToWorker } from './worker-messages.js';

/** @typedef {import('../api-client.js').ApiClient} ApiClient */

/** A device of this identity; `updated` in ms since the Unix epoch.
 * @typedef {import('../api-client.js').Device & {isThis: boolean}} OwnDevice
 */

/** How long a verification push may take; the server waits no longer for its code. */
const VERIFICATION_MS = 60_000;
/** How long the list of devices is not asked for again: the server takes one update every six seconds. */
const DEVICES_MS = 6_000;
/** How often a page that stays open registers again. */
const RENEWAL_MS = 24 * 60 * 60 * 1000;

/** Registration of one identity in this browser. Every method rejects with a `WhisperError`. */
export class Registration {
  #parts;
  #renewedAt = 0;
  #toldAt = -Infinity;

  /** @param {import('../setup.js').Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Subscribe with the server's key, anew when what there is is of no use, and tell the server. */
  async update() {
    await this.checkIdentity();
    await withSubscriptionLock(() => register(this.#parts));
    this.#renewedAt = performance.now();
    this.#toldAt = this.#renewedAt;
  }

  /** Register again when that was not done for a day. */
  async renew() {
    await this.checkIdentity();
    if (performance.now() - this.#renewedAt >= RENEWAL_MS) await this.update();
  }

  /** Let the server and the browser forget the subscription. */
  async forget() {
    const { server, registration } = this.#parts;
    await server.update(null);
    await (await registration.pushManager.getSubscription())?.unsubscribe();
  }

  /** @returns {Promise<OwnDevice[]>} */
  async devices() {
    const { server } = this.#parts;
    if (performance.now() - this.#toldAt > DEVICES_MS) {
      await server.update();
      this.#toldAt = performance.now();
    }
    return server.devices.map(({ id, updated }) => ({ id, updated, isThis: id === server.device }));
  }

  /**
   * Let the server forget one device, and the browser its subscription if it is this one.
   * @param {string} device
   */
  async endDevice(device) {
    const { server, registration } = this.#parts;
    const isMine = device === server.device;
    await server.update(null, { device });
    this.#toldAt = performance.now();
    if (isMine) await (await registration.pushManager.getSubscription())?.unsubscribe();
  }

  /** @throws {WhisperError} `identity_changed` when this browser has another identity, or none: what is registered is not ours */
  async checkIdentity() {
    const { store, identity } = this.#parts;
    const kept = await Identity.load(store);
    if (kept?.address !== identity.address) throw new WhisperError('identity_changed');
  }
}

/** @param {import('../setup.js').Parts} parts */
async function register({ registration, server, store }) {
  const { vapid_public_key: key } = await server.config();
  const subscription = await subscribe(registration.pushManager, store, key);
  try {
    await update(registration, server, subscription);
  } catch (error) {
    if (!(error instanceof WhisperError && error.code === 'subscription_gone')) throw error;
    await subscription.unsubscribe(); // the browser has kept what its push service has not
    await update(registration, server, await subscribe(registration.pushManager, store, key));
  }
}

/**
 * Register *subscription*, and prove that we read it if the server asks for that.
 * @param {ServiceWorkerRegistration} registration
 * @param {ApiClient} server
 * @param {PushSubscription} subscription
 */
async function update(registration, server, subscription) {
  const code = nextVerification(registration);
  try {
    await server.update(subscription);
  } catch (error) {
    if (!(error instanceof WhisperError && error.code === 'endpoint_unverified')) throw error;
    await server.update(subscription, { code: await code.promise }); // a push brought it: we do read this endpoint
  } finally {
    code.stop();
  }
}

/**
 * Listen for the code of a verification push, before it can come.
 * @param {ServiceWorkerRegistration} registration
 */
function nextVerification(registration) {
  const listening = new AbortController();
  /** @type {Promise<string>} */
  const promise = new Promise((resolve, reject) => {
    const stopped = AbortSignal.any([listening.signal, AbortSignal.timeout(VERIFICATION_MS)]);
    stopped.addEventListener('abort', () => reject(new WhisperError('push_unavailable')));
    const onMessage = (/** @type {import('./worker-messages.js').WorkerMessage} */ message) => {
      if (message.whisper === 'verify') resolve(message.code);
    };
    listenToWorker(navigator.serviceWorker, registration, onMessage, stopped);
  });
  promise.catch(() => undefined); // most often nobody waits for it
  return { promise, stop: () => listening.abort() };
}
