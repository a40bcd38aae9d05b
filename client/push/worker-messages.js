/**
 * Messages from the service worker to the pages: types, sender (`postToPages`) and receiver (`listenToWorker`).
 * @module
 */

/** A call that is believed; a click that is parked in the store; a push that was not believed; the code of a verification push; the question
 * whether the page can make a sound.
 * @typedef {{whisper: 'call', call: import('../protocol/messages.js').Call}
 *   | {whisper: 'clicked'}
 *   | {whisper: 'drop', reason: import('../protocol/errors.js').DropReason}
 *   | {whisper: 'verify', code: string}
 *   | {whisper: 'audible'}} WorkerMessage
 */

const KINDS = ['call', 'clicked', 'drop', 'verify', 'audible'];

/**
 * @param {readonly {postMessage(message: unknown): void}[]} pages
 * @param {WorkerMessage} message
 */
export function postToPages(pages, message) {
  for (const page of pages) page.postMessage(message);
}

/**
 * Ask pages whether one of them can make a sound.
 * @param {readonly {postMessage(message: unknown, transfer: Transferable[]): void}[]} pages
 * @param {number} ms how long to wait for them: one may be there, and hear nothing any more
 * @returns {Promise<boolean>}
 */
export function askPages(pages, ms) {
  return new Promise((resolve) => {
    setTimeout(() => resolve(false), ms);
    let asked = pages.length;
    for (const page of pages) {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data }) => {
        asked -= 1;
        if (data === true || asked === 0) resolve(data === true);
      };
      page.postMessage({ whisper: 'audible' }, [port2]);
    }
  });
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
