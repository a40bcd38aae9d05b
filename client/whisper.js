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

import { ConnectionManager } from './connection-manager.js';
import { DropEvent, MissedEvent, NotificationClickEvent, TroubleEvent, WhisperTarget, relayEvents } from './events.js';
import { followPage, followWindows } from './page-lifecycle.js';
import { WhisperError, toWhisperError } from './protocol/errors.js';
import { parseAddress } from './protocol/messages.js';
import { countDropped } from './push/inbox.js';
import { PageInbox } from './push/page-inbox.js';
import { Registration } from './push/registration.js';
import { watchPermission } from './push/support.js';
import { setUp } from './setup.js';
import { SharedStart } from './shared-start.js';
import { Windows } from './windows.js';

export { DialEvent, DropEvent, FileEvent, MissedEvent, NotificationClickEvent, PeerEvent, TroubleEvent } from './events.js';
export { Identity } from './identity.js';
export { Peer } from './peer.js';
export { WhisperError } from './protocol/errors.js';
export { isAddress, parseAddress } from './protocol/messages.js';
export { Transfer } from './rtc/file-transfer.js';

/** @typedef {import('./protocol/messages.js').Call} Call */
/** @typedef {import('./events.js').WhisperEventMap} WhisperEventMap */
/** @typedef {import('./events.js').PeerEventMap} PeerEventMap */

/** `signal` cancels; `timeout` ms to ring; `stream` to share at once; `takeOver` takes a connection over from another window.
 * @typedef {import('./connection-manager.js').DialOptions & {takeOver?: boolean}} DialOptions
 */

/** A started client. Fires `dial` (DialEvent), `peer` (PeerEvent), `missed` (MissedEvent), `notificationclick`, `drop` and `trouble`. */
export class Whisper extends WhisperTarget {
  /** @type {SharedStart<Whisper>} */ static #shared = new SharedStart();

  #store;
  #worker;
  #registration;
  #connectionManager;
  #inbox;
  #windows = new Windows();
  #stopped = new AbortController();

  /** @param {import('./setup.js').Parts} parts */
  constructor(parts) {
    super();
    const { identity, store, server, registration } = parts;
    this.identity = identity;
    this.server = server.origin;
    /** @type {Record<string, number>} pushes that were not believed, or not awaited, by reason */
    this.dropped = {};
    this.#store = store;
    this.#worker = registration;
    this.#registration = new Registration(parts);
    this.#inbox = new PageInbox(store, registration, () => server.now());
    this.#connectionManager = new ConnectionManager(identity.address, server);
  }

  /**
   * Become reachable: identity, service worker, permission, push subscription, update. Call it after a click: browsers want one.
   * A page has one client: who starts it again gets the same one, and it stops when it was stopped as often as it was started.
   * @param {import('./setup.js').StartOptions} [options]
   * @returns {Promise<Whisper>} rejects with a `WhisperError`
   */
  static start(options = {}) {
    const { server, worker, workerType, scope } = options;
    return Whisper.#shared.start(JSON.stringify([server, worker, workerType, scope]), () => Whisper.#open(options));
  }

  /** @param {import('./setup.js').StartOptions} options */
  static async #open(options) {
    try {
      const whisper = new Whisper(await setUp(options));
      await whisper.update().catch((error) => {
        whisper.#close();
        throw error;
      });
      await whisper.#listen();
      return whisper;
    } catch (error) {
      throw toWhisperError(error);
    }
  }

  /** @returns {string} 44 characters of base64 */
  get address() {
    return this.identity.address;
  }

  /** @returns {ReadonlyMap<string, import('./peer.js').Peer>} who is connected, by address */
  get peers() {
    return this.#connectionManager.peers;
  }

  /** @returns {ReadonlySet<string>} who is connected with another window of this origin; the event `elsewhere` tells of changes */
  get elsewhere() {
    return this.#windows.elsewhere;
  }

  /**
   * Call somebody; resolves when the connection is open.
   * @param {string} address
   * @param {DialOptions} [options] `takeOver`: also from another window, which is told so
   * @returns {Promise<import('./peer.js').Peer>}
   * @throws {WhisperError}
   */
  async dial(address, { takeOver = false, ...options } = {}) {
    const recipient = parseAddress(address);
    await this.#told(this.#registration.checkIdentity());
    if (takeOver) this.#windows.tellTakeover(recipient);
    else if (this.elsewhere.has(recipient) && (await this.#windows.isElsewhere(recipient))) throw new WhisperError('in_another_window');
    return this.#connectionManager.dial(recipient, options);
  }

  /** Register again: at every start, and once a day. */
  async update() {
    await this.#told(this.#registration.update());
  }

  /** Be reachable no more: the server forgets the subscription, and so does the browser. */
  async forget() {
    await this.#told(this.#registration.forget());
  }

  /** Hang up everywhere and listen no more; pushes still ring. Whoever else has started the client keeps it. */
  async stop() {
    if (this.#stopped.signal.aborted || !Whisper.#shared.release(this)) return;
    this.#stopped.abort();
    await this.#connectionManager.close();
    this.#close();
  }

  #close() {
    this.#windows.close();
    this.#store.close();
  }

  async #listen() {
    const { signal } = this.#stopped;
    const { incomingCalls } = this.#connectionManager;
    relayEvents(this.#connectionManager, this);
    this.#connectionManager.on('handled', ({ dial, code }) => this.#settle(dial, code));
    this.#connectionManager.on('dropped', (reason) => {
      this.#drop(reason);
      this.#inBackground(countDropped(this.#store, reason));
    });
    this.dropped = { ...(await this.#store.get('state', 'dropped')) };
    this.#inbox.on('call', (call) => this.#connectionManager.receive(call));
    this.#inbox.on('click', ({ address, action }) => {
      this.dispatchEvent(new NotificationClickEvent(address, action));
      incomingCalls[action](address);
    });
    this.#inbox.on('missed', (address) => this.dispatchEvent(new MissedEvent(address)));
    this.#inbox.on('dropped', (reason) => this.#drop(reason));
    this.#inbox.on('failed', (error) => this.#fail(error));
    this.#inbox.listen(signal);
    this.#windows.on('elsewhere', () => this.dispatchEvent(new Event('elsewhere')));
    followWindows(this.#connectionManager, this.#windows);
    followPage(this.#connectionManager, this.#worker, signal);
    for (const name of ['focus', 'online']) addEventListener(name, () => this.#inBackground(this.#told(this.#registration.renew())), { signal });
    void watchPermission((error) => this.#fail(error), signal);
    void navigator.storage?.persist?.().catch(() => undefined); // asked for, as a browser may clear what is not; no answer changes anything
  }

  /**
   * @param {Call} dial
   * @param {string} [code] why it needs no answer any more
   */
  #settle(dial, code) {
    if (this.#stopped.signal.aborted) return; // another page may ask, or this one when it is started again
    this.#windows.tellHandled(dial.signature);
    this.#inbox.settle(dial, code);
  }

  /** @param {import('./protocol/errors.js').DropReason} reason */
  #drop(reason) {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
    this.dispatchEvent(new DropEvent(reason));
  }

  /**
   * @template T
   * @param {Promise<T>} work
   * @returns {Promise<T>} which rejects with a `WhisperError`
   */
  async #told(work) {
    try {
      return await work;
    } catch (error) {
      if (this.#stopped.signal.aborted) throw new WhisperError('stopped', { cause: error });
      const told = toWhisperError(error);
      if (told.code === 'identity_changed') Whisper.#shared.forget(this); // another start makes another client
      throw told;
    }
  }

  /** @param {unknown} error that nobody waits for */
  #fail(error) {
    if (!this.#stopped.signal.aborted) this.dispatchEvent(new TroubleEvent(toWhisperError(error)));
  }

  /** @param {Promise<unknown>} work that nobody waits for: its failure is told by an event */
  #inBackground(work) {
    work.catch((error) => this.#fail(error));
  }
}
