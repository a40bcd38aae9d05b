/**
 * Messages from the service worker to the pages: types, sender (`postToPages`) and receiver (`listenToWorker`).
 * @module
 */

import { pause } from '../promises.js';

/** A call that is believed; a click that is parked in the store; a push that was not believed; the code of a verification push; the question
 * whether the page can make a sound, and since when it is there.
 * @typedef {{whisper: 'call', call: import('../protocol/messages.js').Call}
 *   | {whisper: 'clicked'}
 *   | {whisper: 'drop', reason: import('../protocol/errors.js').DropReason}
 *   | {whisper: 'verify', code: string}
 *   | {whisper: 'presence'}} WorkerMessage
 */

const KINDS = ['call', 'clicked', 'drop', 'verify', 'presence'];

/**
 * @param {readonly {postMessage(message: unknown): void}[]} pages
 * @param {WorkerMessage} message
 */
export function postToPages(pages, message) {
  for (const page of pages) page.postMessage(message);
}

/** State of a page, as it says: whether it can make a sound, and since when it is there, ms since the Unix epoch.
 * @typedef {{audible: boolean, since: number}} Presence
 */

/**
 * Ask pages about themselves.
 * @param {readonly {postMessage(message: unknown, transfer: Transferable[]): void}[]} pages
 * @param {number} ms how long to wait: a page that hears nothing any more may still be listed
 * @returns {Promise<(Presence | undefined)[]>} undefined for a page that says nothing
 */
export function askPages(pages, ms) {
  const answers = pages.map((page) => {
    const { port1, port2 } = new MessageChannel();
    /** @type {Promise<Presence>} */
    const answer = new Promise((resolve) => {
      port1.onmessage = ({ data }) => resolve(data);
    });
    page.postMessage({ whisper: 'presence' }, [port2]);
    return Promise.race([answer, pause(ms).then(() => undefined)]);
  });
  return Promise.all(answers);
}

/**
 * Listen to our own service worker. The origin may have others, for other scopes, and scripts that make events.
 * @param {ServiceWorkerContainer} container
 * @param {ServiceWorkerRegistration} registration of ours
 * @param {(message: WorkerMessage, port?: MessagePort) => void} listener which answers a question by the port
 * @param {AbortSignal} signal ends it
 */
export function listenToWorker(container, registration, listener, signal) {
  /** @param {MessageEvent} event */
  const onMessage = ({ source, data, ports }) => {
    if (isOurs(registration, source) && KINDS.includes(data?.whisper)) listener(data, ports[0]);
  };
  container.addEventListener('message', onMessage, { signal });
  container.startMessages();
}

/**
 * @param {ServiceWorkerRegistration} registration
 * @param {MessageEventSource | null} source
 */
function isOurs({ active, waiting, installing }, source) {
  return source instanceof ServiceWorker && [active, waiting, installing].some((ours) => ours?.scriptURL === source.scriptURL);
}
