/**
 * Public entry module: a client that calls people who are not online. See docs/client.md.
 *
 *     const whisper = await Whisper.start({ server: 'https://whisper.example.org' });
 *     whisper.addEventListener('dial', (event) => event.accept());
 *     const peer = await whisper.dial(address);
 *     await peer.send('hello');
 *     for await (const message of peer.messages) console.log(message);
 *
 * @module
 */

import { ApiClient } from './api-client.js';
import { ConnectionManager } from './connection-manager.js';
import { DropEvent, MissedEvent, NotificationClickEvent, TroubleEvent, relayEvents } from './events.js';
import { Identity } from './identity.js';
import { pause } from './promises.js';
import { parseAddress } from './protocol/messages.js';
import { countDropped, findRinging, isMissed, listUnhandled, markHandled, takeClick } from './push/inbox.js';
import { askPermission, checkCurves, checkSupport, register, registerWorker } from './push/registration.js';
import { listenToWorker } from './push/worker-messages.js';
import { Store } from './store.js';

export { DialEvent, DropEvent, FileEvent, MissedEvent, NotificationClickEvent, PeerEvent, TroubleEvent } from './events.js';
export { Identity } from './identity.js';
export { Peer } from './peer.js';
export { WhisperError } from './protocol/errors.js';
export { isAddress, parseAddress } from './protocol/messages.js';
export { Transfer } from './rtc/file-transfer.js';

/** @typedef {import('./protocol/messages.js').Call} Call */

/** How often a page that stays open registers again. */
const RENEWAL_MS = 24 * 60 * 60 * 1000;
/** Ends of a ringing after which its notification stays, for the worker to say that a call was missed. */
const UNANSWERED = ['missed', 'hung_up', 'replaced', 'cancelled'];
/** Where the pages of an origin tell each other which dial is dealt with. */
const PAGES = 'whisper';

/**
 * @typedef {object} StartOptions
 * @property {string} [server] its URL, with its path prefix if it has one; default: the page's origin
 * @property {string} [worker] the service worker's URL, at the page's own origin; default: './sw.js'
 */

/** A started client. Fires `dial` (DialEvent), `peer` (PeerEvent), `missed` (MissedEvent), `notificationclick`, `drop` and `trouble`. */
export class Whisper extends EventTarget {
  #store;
  #server;
  #registration;
  #connectionManager;
  #stopped = new AbortController();
  #pages = new BroadcastChannel(PAGES);
  #renewedAt = 0;
  /** @type {Promise<unknown>} */ #caughtUp = Promise.resolve();

  /**
   * @param {Identity} identity
   * @param {Store} store
   * @param {ApiClient} server
   * @param {ServiceWorkerRegistration} registration
   */
  constructor(identity, store, server, registration) {
    super();
    this.identity = identity;
    this.server = server.origin;
    /** @type {Record<string, number>} pushes that were not believed, or not awaited, by reason */
    this.dropped = {};
    this.#store = store;
    this.#server = server;
    this.#registration = registration;
    this.#connectionManager = new ConnectionManager(identity.address, server);
    relayEvents(this.#connectionManager, this);
    this.#connectionManager.on('handled', ({ dial, code }) => this.#markHandled(dial, code));
    this.#connectionManager.on('dropped', (reason) => {
      this.#drop(reason);
      this.#inBackground(countDropped(store, reason));
    });
  }

  /**
   * Become reachable: identity, service worker, permission, push subscription, update. Call it after a click: browsers want one.
   * @param {StartOptions} [options]
   * @returns {Promise<Whisper>} rejects with a `WhisperError`
   */
  static async start({ server: origin = location.origin, worker = './sw.js' } = {}) {
    checkSupport();
    await askPermission();
    await checkCurves();
    const store = await Store.open();
    const identity = (await Identity.load(store)) ?? (await Identity.create({ store })).identity;
    const server = new ApiClient(origin, identity, store);
    await store.put('state', server.origin, 'server');
    const whisper = new Whisper(identity, store, server, await registerWorker(worker));
    await whisper.update();
    whisper.#listen();
    whisper.#caughtUp = pause(0).then(() => whisper.#catchUp()); // once whoever starts us listens
    whisper.#inBackground(whisper.#caughtUp);
    return whisper;
  }

  /** @returns {string} 44 characters of base64 */
  get address() {
    return this.identity.address;
  }

  /** @returns {ReadonlyMap<string, import('./peer.js').Peer>} who is connected, by address */
  get peers() {
    return this.#connectionManager.peers;
  }

  /**
   * Call somebody; resolves when the connection is open.
   * @param {string} address
   * @param {import('./connection-manager.js').DialOptions} [options] `signal` cancels; `timeout` ms to ring; `stream` to share at once
   * @returns {Promise<import('./peer.js').Peer>}
   * @throws {WhisperError}
   */
  async dial(address, options) {
    return this.#connectionManager.dial(parseAddress(address), options);
  }

  /** Register again: at every start, and once a day. */
  async update() {
    await register(this.#registration, this.#server);
    this.#renewedAt = performance.now();
  }

  /** Be reachable no more: the server forgets the subscription, and so does the browser. */
  async forget() {
    await this.#server.update(null);
    await (await this.#registration.pushManager.getSubscription())?.unsubscribe();
  }

  /** Hang up everywhere and listen no more; pushes still ring. */
  async stop() {
    this.#stopped.abort();
    await this.#connectionManager.close();
    this.#pages.close();
    this.#store.close();
  }

  #listen() {
    const { signal } = this.#stopped;
    listenToWorker(navigator.serviceWorker, this.#registration, (message) => this.#onWorkerMessage(message), signal);
    this.#pages.addEventListener('message', ({ data }) => this.#connectionManager.incomingCalls.onHandledElsewhere(data), { signal });
    addEventListener('pagehide', () => this.#connectionManager.sendGoodbye(), { signal });
    addEventListener('pageshow', ({ persisted }) => persisted && this.#connectionManager.closeAllAsLost(), { signal });
    for (const name of ['focus', 'online']) addEventListener(name, () => this.#renew(), { signal });
  }

  /** @param {import('./push/worker-messages.js').WorkerMessage} message */
  #onWorkerMessage(message) {
    if (message.whisper === 'call') this.#onCall(message.call);
    else if (message.whisper === 'clicked') this.#inBackground(this.#caughtUp.then(async () => this.#follow(await takeClick(this.#store, Date.now()))));
    else if (message.whisper === 'drop') this.#drop(message.reason);
  }

  /** @param {Call} call */
  #onCall(call) {
    this.#connectionManager.receive(call);
    if (call.method !== 'dial') this.#inBackground(markHandled(this.#store, call));
  }

  /** Take what came while no page was there. */
  async #catchUp() {
    this.dropped = { ...(await this.#store.get('state', 'dropped')), ...this.dropped };
    const click = await takeClick(this.#store, Date.now());
    for (const call of await listUnhandled(this.#store)) {
      if (call.method === 'dial' && isMissed(call, this.#server.now())) this.#miss(call, click?.address);
      else if (call.method === 'dial' || call.method === 'close') this.#connectionManager.receive(call);
      if (call.method !== 'dial') await markHandled(this.#store, call);
    }
    this.#follow(click);
  }

  /** @param {import('./push/inbox.js').Click | undefined} click */
  #follow(click) {
    if (!click) return;
    this.dispatchEvent(new NotificationClickEvent(click.address, click.action));
    if (click.action === 'answer') this.#connectionManager.incomingCalls.answer(click.address);
    else this.#connectionManager.incomingCalls.decline(click.address);
  }

  /**
   * @param {Call} dial
   * @param {string | undefined} clicked
   */
  #miss(dial, clicked) {
    this.#markHandled(dial);
    if (dial.sender !== clicked) this.dispatchEvent(new MissedEvent(dial.sender));
  }

  /**
   * @param {Call} dial
   * @param {string} [code] why
   */
  #markHandled(dial, code) {
    if (this.#stopped.signal.aborted) return; // another page may ask, or this one when it is started again
    this.#pages.postMessage(dial.signature);
    const settled = markHandled(this.#store, dial);
    this.#inBackground(code && UNANSWERED.includes(code) ? settled : settled.then(async () => (await findRinging(this.#registration, dial.sender))?.close()));
  }

  /** @param {import('./protocol/errors.js').DropReason} reason */
  #drop(reason) {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
    this.dispatchEvent(new DropEvent(reason));
  }

  #renew() {
    if (performance.now() - this.#renewedAt >= RENEWAL_MS) this.#inBackground(this.update());
  }

  /** @param {Promise<unknown>} work that nobody waits for: its failure is told by an event */
  #inBackground(work) {
    work.catch((error) => this.#stopped.signal.aborted || this.dispatchEvent(new TroubleEvent(error)));
  }
}
