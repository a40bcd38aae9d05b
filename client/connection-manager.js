/**
 * Connection manager: dispatch of each verified call to its connection; glare, reloads and hang-ups.
 * @module
 */

import { Emitter } from './emitter.js';
import { IncomingCalls } from './incoming-calls.js';
import { ring, shareWith } from './outgoing-call.js';
import { Peer } from './peer.js';
import { deferred } from './promises.js';
import { WhisperError } from './protocol/errors.js';
import { newEncryptionKey } from './protocol/sealing.js';
import { isSameDevice } from './rtc/signal-sender.js';
import { Connection } from './rtc/connection.js';

/** @typedef {import('./protocol/messages.js').Call} Call */
/** @typedef {import('./api-client.js').ApiClient} ApiClient */
/** @typedef {{signal?: AbortSignal, timeout?: number, stream?: MediaStream | null, device?: string, wants?: number, onRinging?: () => void}} DialOptions */

/**
 * Connections of one address. Fires `peer`, `trouble`, `dropped`, `handled` for a dial that nobody need be asked about, `connecting`, and
 * `idle` when the last one has ended.
 * @extends {Emitter<{connecting: null, idle: null, peer: Peer, trouble: WhisperError, dropped: import('./protocol/errors.js').DropReason, handled: import('./incoming-calls.js').Handled}>}
 */
export class ConnectionManager extends Emitter {
  #me;
  #server;
  #features;
  /** @type {Map<string, Connection>} those that are being made, and those that are there */ #connections = new Map();
  #closed = new AbortController();
  /** @type {Map<string, Peer>} */ peers = new Map();

  /** @param {string} me @param {ApiClient} server @param {string[]} [features] of the app, which peers are told */
  constructor(me, server, features) {
    super();
    this.#me = me;
    this.#server = server;
    this.#features = features;
    this.incomingCalls = new IncomingCalls(server, (dial, options) => this.#accept(dial, options));
    this.incomingCalls.on('handled', (handled) => this.emit('handled', handled));
  }

  /**
   * Ring *address* and return who answers.
   * @param {string} address
   * @param {DialOptions} [options] `timeout` in ms
   * @returns {Promise<Peer>}
   * @throws {WhisperError}
   */
  async dial(address, options = {}) {
    if (address === this.#me) throw new WhisperError('own_address');
    const ring = this.incomingCalls.get(address);
    if (ring) return ring.accept(options); // they were faster
    const connected = this.#connections.has(address) || this.peers.get(address)?.state === 'open';
    if (connected) throw new WhisperError('already_connected');
    return this.#ring(address, options);
  }

  /** @param {Call} call that is believed */
  receive(call) {
    const connection = this.#connections.get(call.sender);
    if (call.method === 'dial') this.#onDial(call, connection);
    else if (call.method === 'close' && call.dialKey !== undefined) this.#onAnsweredElsewhere(call, connection);
    else if (call.method === 'close') this.#onClose(call, connection);
    else if (connection) connection.receive(call);
    else this.emit('dropped', 'unexpected');
  }

  /** @returns {string[]} who is connected, or dialled: they wait for us */
  get addresses() {
    return [...new Set([...this.peers.keys(), ...this.#connections.keys()])];
  }

  /** The page goes, now. */
  sendGoodbye() {
    for (const peer of this.peers.values()) peer.sendGoodbye();
  }

  /** The page has come back, without its connections. */
  closeAllAsLost() {
    for (const connection of [...this.#connections.values()]) connection.close(new WhisperError('connection_lost'));
  }

  /** Hang up everywhere, and ring no more. */
  async close() {
    this.#closed.abort();
    this.incomingCalls.stop();
    await Promise.all([...this.peers.values()].map((peer) => peer.close()));
    for (const connection of [...this.#connections.values()]) connection.close(new WhisperError('cancelled'));
  }

  /**
   * @param {Call} dial
   * @param {Connection | undefined} connection
   */
  #onDial(dial, connection) {
    if (connection && !connection.session.isReplacedBy(dial)) {
      this.#silence(dial);
      connection.receive(dial); // it crossed ours, perhaps
    } else if (isSameDevice(this.peers.get(dial.sender), dial.fromDevice)) {
      this.emit('handled', { dial }); // they have reloaded, or lost us: they need not ask again
      void this.#accept(dial).catch(() => undefined);
    } else {
      connection?.close(new WhisperError('replaced'));
      this.incomingCalls.begin(dial);
    }
  }

  /**
   * @param {Call} close
   * @param {Connection | undefined} connection
   */
  #onClose(close, connection) {
    this.incomingCalls.onClose(close);
    const peer = this.peers.get(close.sender);
    if (isSameDevice(peer, close.fromDevice)) peer?.onHangUp(close);
    if (!connection?.session.isEndedBy(close) || !isSameDevice(connection, close.fromDevice)) return;
    connection.close(new WhisperError(connection.session.awaited === 'offer' ? 'declined' : 'hung_up'));
  }

  /**
   * Another device has answered: one of ours, or one that the caller has heard first. A connection that is open is not meant.
   * @param {Call} close
   * @param {Connection | undefined} connection
   */
  #onAnsweredElsewhere(close, connection) {
    const isOurs = close.sender === this.#me;
    this.incomingCalls.onAnsweredElsewhere(close);
    const isMeant = !isOurs && connection && !connection.isOpen && connection.session.theirKey === close.dialKey;
    if (isMeant) connection.close(new WhisperError('answered_elsewhere'));
  }

  /** @param {Call} dial that nobody need be asked about, here or on another device */
  #silence(dial) {
    this.emit('handled', { dial });
    this.#server.silence(dial).catch(() => undefined); // they find out when the caller hangs up
  }

  /**
   * @param {string} address
   * @param {DialOptions} options
   * @returns {Promise<Peer>}
   */
  async #ring(address, { signal: cancelling, stream, device, wants, ...ringing }) {
    const signal = AbortSignal.any([this.#closed.signal, ...(cancelling ? [cancelling] : [])]);
    if (signal.aborted) throw new WhisperError('cancelled');
    const { connection, opened } = this.#connect(address, { since: this.#server.now(), device, wants });
    const stop = ring(connection, signal, ringing);
    try {
      return await shareWith(await opened, stream, (error) => this.emit('trouble', error));
    } finally {
      stop();
    }
  }

  /**
   * @param {Call} dial
   * @param {import('./incoming-calls.js').AcceptOptions} [options]
   * @returns {Promise<Peer>}
   */
  async #accept(dial, { stream } = {}) {
    this.#server.silence(dial).catch(() => undefined);
    const { connection, opened } = this.#connect(dial.sender, { since: dial.sentAt });
    connection.receive(dial);
    return shareWith(await opened, stream, (error) => this.emit('trouble', error));
  }

  /**
   * Make a connection that leads to a peer: the one there is, when it was lost, or a new one.
   * @param {string} address
   * @param {{since: number, device?: string, wants?: number}} call
   * @returns {{connection: Connection, opened: Promise<Peer>}} known at once, so that no other call comes between
   */
  #connect(address, call) {
    const began = performance.now();
    const ours = newEncryptionKey();
    const before = this.#connections.get(address);
    if (!before?.isOpen) before?.close(new WhisperError('replaced'));
    /** @type {import('./promises.js').Deferred<Peer>} */ const opened = deferred();
    const connection = new Connection({ me: this.#me, them: address, ours, ...call }, this.#server);
    connection.on('open', () => {
      if (this.peers.has(address) && !isSameDevice(this.peers.get(address), connection.device)) before?.close(new WhisperError('replaced')); // another device is another call
      opened.resolve(this.#welcome(address, connection, performance.now() - began));
    });
    connection.on('dropped', (reason) => this.emit('dropped', reason));
    connection.on('close', (error) => {
      if (this.#connections.get(address) === connection) this.#connections.delete(address);
      opened.reject(error ?? new WhisperError('replaced'));
      setTimeout(() => this.addresses.length || this.emit('idle', null)); // once the peer knows
    });
    this.#connections.set(address, connection);
    this.emit('connecting', null);
    return { connection, opened: opened.promise };
  }

  /**
   * @param {string} address
   * @param {Connection} connection
   * @param {number} connectedIn
   * @returns {Peer}
   */
  #welcome(address, connection, connectedIn) {
    const known = this.peers.get(address);
    if (known) {
      known.attach(connection);
      return known;
    }
    const peer = new Peer(address, connection, connectedIn, async (signal) => {
      const underWay = this.#connections.get(address);
      if (underWay && !underWay.isOpen) throw new WhisperError('already_connected'); // they were faster
      await this.#ring(address, { signal, device: peer.device });
    }, this.#features);
    this.peers.set(address, peer);
    peer.addEventListener('close', () => this.peers.delete(address));
    this.emit('peer', peer);
    return peer;
  }
}
