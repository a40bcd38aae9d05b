/**
 * Registration for pushes: a service worker, the permission to notify, a push subscription for the server's key, and an update.
 * @module
 */

import { decodeUrl, encode } from '../protocol/base64.js';
import { WhisperError } from '../protocol/errors.js';
import { listenToWorker } from './worker-messages.js';

/** @typedef {import('../api-client.js').ApiClient} ApiClient */

/** Pages that ask for trusted types take a worker's address only so. */
const scripts = trustedScripts();
/** How long a verification push may take; the server waits no longer for its code. */
const VERIFICATION_MS = 60_000;

/** @throws {WhisperError} when this browser, or this page, can't do what Whisper needs; at once, before a click is forgotten */
export function checkSupport() {
  if (!globalThis.isSecureContext) throw new WhisperError('insecure_context');
  const modern = 'RTCPeerConnection' in globalThis && 'CompressionStream' in globalThis && 'indexedDB' in globalThis;
  if (!modern) throw new WhisperError('unsupported_browser');
  const push = 'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis;
  if (!push) throw new WhisperError('push_unavailable');
}

/**
 * Ask for the permission to notify, if that has not been decided yet. A browser may want this to begin with a click.
 * @throws {WhisperError} `permission_denied` or `permission_dismissed`
 */
export async function askPermission() {
  const permission = Notification.permission === 'default' ? await Notification.requestPermission() : Notification.permission;
  if (permission === 'denied') throw new WhisperError('permission_denied');
  if (permission === 'default') throw new WhisperError('permission_dismissed');
}

/**
 * @param {string} url of the service worker, a module
 * @returns {Promise<ServiceWorkerRegistration>} with an active worker
 * @throws {WhisperError} `unsupported_browser` or `push_unavailable`
 */
export async function registerWorker(url) {
  try {
    const registration = await navigator.serviceWorker.register(scripts(url), { type: 'module' });
    await waitForActive(registration);
    return registration;
  } catch (cause) {
    const old = cause instanceof TypeError; // modules are not understood, or the script is not there
    throw new WhisperError(old ? 'unsupported_browser' : 'push_unavailable', { cause });
  }
}

/**
 * Subscribe with the server's key, anew when it has changed, and tell the server.
 * @param {ServiceWorkerRegistration} registration
 * @param {ApiClient} server
 * @throws {WhisperError}
 */
export async function register(registration, server) {
  const { vapid_public_key: key } = await server.config();
  const subscription = await subscribe(registration.pushManager, decodeUrl(key));
  try {
    await update(registration, server, subscription);
  } catch (error) {
    if (!(error instanceof WhisperError && error.code === 'subscription_gone')) throw error;
    await subscription.unsubscribe(); // the browser has kept what its push service has not
    await update(registration, server, await subscribe(registration.pushManager, decodeUrl(key)));
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
    await server.update(subscription, await code.promise); // a push brought it: we do read this endpoint
  } finally {
    code.stop();
  }
}

/**
 * @param {PushManager} manager
 * @param {import('../protocol/base64.js').Bytes} applicationServerKey
 * @returns {Promise<PushSubscription>}
 */
async function subscribe(manager, applicationServerKey) {
  try {
    const existing = await manager.getSubscription();
    const bound = existing?.options.applicationServerKey;
    if (existing && bound && encode(bound) === encode(applicationServerKey)) return existing;
    await existing?.unsubscribe();
    return await manager.subscribe({ userVisibleOnly: true, applicationServerKey });
  } catch (cause) {
    throw new WhisperError(subscribeFault(cause), { cause });
  }
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

/** @param {ServiceWorkerRegistration} registration */
async function waitForActive(registration) {
  const worker = registration.active ?? registration.waiting ?? registration.installing;
  if (!worker || worker.state === 'activated') return;
  await new Promise((resolve, reject) => {
    worker.addEventListener('statechange', () => {
      if (worker.state === 'activated') resolve(undefined);
      if (worker.state === 'redundant') reject(new DOMException('the worker could not be installed', 'InvalidStateError'));
    });
  });
}

/** @throws {WhisperError} `unsupported_browser` without Ed25519 and X25519 */
export async function checkCurves() {
  try {
    await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']);
    await crypto.subtle.generateKey('X25519', false, ['deriveBits']);
  } catch (cause) {
    throw new WhisperError('unsupported_browser', { cause });
  }
}

/** @returns {(url: string) => string} */
function trustedScripts() {
  try {
    const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy('whisper', { createScriptURL: (/** @type {string} */ url) => url });
    return (url) => policy?.createScriptURL(url) ?? url;
  } catch {
    return (url) => url; // the page's policy does not know us: the browser decides about the bare address
  }
}
