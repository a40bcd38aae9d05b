/**
 * Setup of a client: permission, storage, identity, server and service worker, in the order in which browsers allow them.
 * @module
 */

import { ApiClient } from './api-client.js';
import { Identity } from './identity.js';
import { askPermission, checkCurves, checkSupport } from './push/support.js';
import { registerWorker } from './push/worker-registration.js';
import { Store } from './store.js';

/**
 * @typedef {object} StartOptions
 * @property {string} [server] its URL, with its path prefix if it has one; default: the page's origin
 * @property {string} [worker] the service worker's URL, at the page's own origin; default: './sw.js'
 * @property {WorkerType} [workerType] `classic` for a worker that uses `importScripts`; default: `module`
 * @property {string} [scope] of the service worker; default: its folder. Each scope has one push subscription
 * @property {string[]} [features] names of what the app understands beyond plain messages; who is connected is told them
 */

/** Parts of a client.
 * @typedef {{identity: Identity, store: Store, server: ApiClient, registration: ServiceWorkerRegistration, features?: string[]}} Parts
 */

/**
 * @param {StartOptions} options
 * @returns {Promise<Parts>}
 * @throws {import('./protocol/errors.js').WhisperError}
 */
export async function setUp({ server: origin = location.origin, worker = './sw.js', workerType, scope, features }) {
  checkSupport();
  await askPermission(() => Store.use(async (kept) => (await kept.get('state', 'server')) !== undefined));
  await checkCurves();
  const store = await Store.open();
  try {
    const identity = await Identity.loadOrCreate(store);
    const server = new ApiClient(origin, identity, store);
    await store.put('state', server.origin, 'server');
    return { identity, store, server, registration: await registerWorker(worker, scope, workerType), features };
  } catch (error) {
    store.close();
    throw error;
  }
}

/**
 * Ask that the browser keeps what is stored, once: some ask the person. No answer changes anything.
 * @param {Store} store
 */
export async function askPersistence(store) {
  if (!navigator.storage?.persist || (await navigator.storage.persisted()) || (await store.get('state', 'persistence'))) return;
  await store.put('state', 'asked', 'persistence');
  await navigator.storage.persist();
}
