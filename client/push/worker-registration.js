/**
 * Registration of the service worker, and what is wrong with one that can't be registered.
 * @module
 */

import { WhisperError } from '../protocol/errors.js';

/** Pages that ask for trusted types take a worker's address only so. */
const scripts = trustedScripts();
const JAVASCRIPT = /^(text|application)\/(x-)?(java|ecma)script\b/i;

/**
 * @param {string} url of the service worker
 * @param {string} [scope] default: its folder
 * @param {WorkerType} [wanted]
 * @returns {Promise<ServiceWorkerRegistration>} with an active worker
 * @throws {WhisperError} `worker_unavailable`, `unsupported_browser` or `push_unavailable`
 */
export async function registerWorker(url, scope, wanted = 'module') {
  let knowsModules = false;
  const options = {
    scope,
    /** @returns {WorkerType} asked for by browsers that know modules */
    get type() {
      knowsModules = true;
      return wanted;
    },
  };
  try {
    const registration = await navigator.serviceWorker.register(scripts(url), options);
    await waitForActive(registration);
    return registration;
  } catch (cause) {
    if (wanted === 'module' && !knowsModules) throw new WhisperError('unsupported_browser', { cause });
    throw await workerFault(url, cause);
  }
}

/**
 * Find out what is wrong with a worker's script.
 * @param {string} url
 * @param {unknown} cause why it could not be registered
 * @returns {Promise<WhisperError>}
 */
async function workerFault(url, cause) {
  const response = await fetch(url, { cache: 'no-store', redirect: 'manual' }).catch(() => undefined);
  const fault = response ? scriptFault(response) : 'can not be loaded';
  const isForbidden = cause instanceof DOMException && cause.name === 'SecurityError';
  if (!fault && isForbidden) return new WhisperError('push_unavailable', { cause }); // as where cookies are blocked
  const message = `The service worker ${url} ${fault ?? 'fails when it starts'}.`;
  return new WhisperError('worker_unavailable', { message, cause, status: response?.status });
}

/**
 * @param {Response} response
 * @returns {string | undefined}
 */
function scriptFault({ type, ok, status, headers }) {
  if (type === 'opaqueredirect') return 'is redirected, which browsers refuse';
  if (!ok) return `was answered with the status ${status}`;
  const kind = headers.get('Content-Type') ?? 'without a type';
  return JAVASCRIPT.test(kind) ? undefined : `is no JavaScript, but ${kind}`;
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

/** @returns {(url: string) => string} */
function trustedScripts() {
  try {
    const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy('whisper', { createScriptURL: (/** @type {string} */ url) => url });
    return (url) => policy?.createScriptURL(url) ?? url;
  } catch {
    return (url) => url; // the page's policy does not know us: the browser decides about the bare address
  }
}
