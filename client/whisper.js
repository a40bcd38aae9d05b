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
import { TroubleEvent, WhisperTarget, relayEvents } from './events.js';
import { followPage, followWindows } from './page-lifecycle.js';
import { parseAddress } from './protocol/addresses.js';
import { WhisperError, toWhisperError } from './protocol/errors.js';
import { AUDIO, VIDEO } from './protocol/messages.js';
import { PageInbox } from './push/page-inbox.js';
import { Registration } from './push/registration.js';
import { watchPermission } from './push/support.js';
import { withDevices } from './rtc/media.js';
import { askPersistence, setUp } from './setup.js';
import { ReferenceCountedClient } from './reference-counted-client.js';
import { WindowCoordinator } from './window-coordinator.js';

export { AnsweredElsewhereEvent, DialEvent, DropEvent, FileEvent, MissedEvent, NotificationClickEvent, PeerEvent, TroubleEvent } from './events.js';
export { Identity } from './identity.js';
export { Peer } from './peer.js';
export { WhisperError } from './protocol/errors.js';
export { isAddress, parseAddress } from './protocol/addresses.js';
export { Transfer } from './rtc/file-transfer.js';

/** @typedef {import('./protocol/messages.js').Call} Call */
/** @typedef {import('./events.js').WhisperEventMap} WhisperEventMap */
/** @typedef {import('./events.js').PeerEventMap} PeerEventMap */

/** `signal` cancels; `timeout` ms to ring; `stream` to share at once; `takeOver` takes a connection over from another window.
 * @typedef {import('./connection-manager.js').DialOptions & {takeOver?: boolean}} DialOptions
 */

/** Running client. Fires `dial` (DialEvent), `peer` (PeerEvent), `missed` (MissedEvent), `answeredelsewhere`, `notificationclick`, `drop` and `trouble`. */
export class Whisper extends WhisperTarget {
  /** @type {ReferenceCountedClient<Whisper>} */ static #shared = new ReferenceCountedClient();

  #store;
  #worker;
  #registration;
  #connectionManager;
  #inbox;
  #windows = new WindowCoordinator();
  #stopped = new AbortController();

  /** @param {import('./setup.js').Parts} parts */
  constructor(parts) {
    super();
    const { identity, store, server, registration, features } = parts;
    this.identity = identity;
    this.server = server.origin;
    this.#store = store;
    this.#worker = registration;
    this.#registration = new Registration(parts);
    this.#inbox = new PageInbox(store, registration, () => server.now());
    this.#connectionManager = new ConnectionManager(identity.address, server, features);
  }

  /**
   * Become reachable: identity, service worker, permission, push subscription, update. Call it after a click: browsers want one.
   * A page has one client: who starts it again gets the same one, and it stops when it was stopped as often as it was started.
   * @param {import('./setup.js').StartOptions} [options]
   * @returns {Promise<Whisper>} rejects with a `WhisperError`
   */
  static start(options = {}) {
    const { server, worker, workerType, scope, features } = options;
    return Whisper.#shared.start(JSON.stringify([server, worker, workerType, scope, features]), () => Whisper.#open(options));
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

  /** @returns {Readonly<Record<string, number>>} how many pushes were not believed, or not awaited, by reason */
  get dropped() {
    return this.#inbox.dropped;
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
    await this.#windows.claim(recipient, takeOver);
    return this.#connectionManager.dial(recipient, options);
  }

  /**
   * Call somebody by voice, by video, or both: asks for the microphone and the camera first. Their `dial` event says what is wanted.
   * @param {string} address
   * @param {DialOptions & {audio?: boolean, video?: boolean}} [options] default: audio alone
   * @returns {Promise<import('./peer.js').Peer>} whose `shared` is what the devices give
   * @throws {WhisperError}
   */
  async call(address, { audio = true, video = false, ...options } = {}) {
    parseAddress(address);
    const wants = (audio ? AUDIO : 0) | (video ? VIDEO : 0);
    return withDevices({ audio, video }, (stream) => this.dial(address, { ...options, stream, wants }));
  }

  /** @returns {Promise<import('./push/registration.js').OwnDevice[]>} where else this identity is registered, and here; as the server tells now */
  async devices() {
    return this.#told(this.#registration.devices());
  }

  /**
   * Let one device be reachable no more: another one, or this one.
   * @param {string} id
   */
  async endDevice(id) {
    await this.#told(this.#registration.endDevice(id));
  }

  /** Register again: at every start, and once a day. */
  async update() {
    await this.#told(this.#registration.update());
  }

  /** Be reachable no more, on any device: the server forgets every subscription, and the browser its own. */
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
    relayEvents({ connectionManager: this.#connectionManager, inbox: this.#inbox, windows: this.#windows }, this);
    this.#connectionManager.on('handled', ({ dial, code }) => this.#settle(dial, code));
    this.#inbox.on('failed', (error) => this.#fail(error));
    await this.#inbox.listen(signal);
    followWindows(this.#connectionManager, this.#windows);
    followPage(this.#connectionManager, this.#worker, signal);
    const renew = () => this.#told(this.#registration.renew()).catch((error) => this.#fail(error));
    for (const name of ['focus', 'online']) addEventListener(name, renew, { signal });
    void watchPermission((error) => this.#fail(error), signal);
    askPersistence(this.#store).catch(() => undefined);
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
}
