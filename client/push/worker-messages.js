/**
 * Messages from the service worker to the pages: types, sender (`postToPages`) and receiver (`listenToWorker`).
 * @module
 */

/** A call that is believed; a click that is parked in the store; a push that was not believed; the code of a verification push.
 * @typedef {{whisper: 'call', call: import('../protocol/messages.js').Call}
 *   | {whisper: 'clicked'}
 *   | {whisper: 'drop', reason: import('../protocol/errors.js').DropReason}
 *   | {whisper: 'verify', code: string}} WorkerMessage
 */

const KINDS = ['call', 'clicked', 'drop', 'verify'];

/**
 * @param {readonly {postMessage(message: unknown): void}[]} pages
 * @param {WorkerMessage} message
 */
export function postToPages(pages, message) {
  for (const page of pages) page.postMessage(message);
}

/**
 * Listen to our own service worker. The origin may have others, for other scopes, and scripts that make events.
 * @param {ServiceWorkerContainer} container
 * @param {ServiceWorkerRegistration} registration of ours
 * @param {(message: WorkerMessage) => void} listener
 * @param {AbortSignal} signal ends it
 */
export function listenToWorker(container, registration, listener, signal) {
  /** @param {MessageEvent} event */
  const onMessage = ({ source, data }) => {
    if (isOurs(registration, source) && KINDS.includes(data?.whisper)) listener(data);
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
