/**
 * Who rings, and who is connected with whom: every believed call goes to the one connection that it belongs to.
 * @module
 */

import { Connection } from './rtc/connection.js';
import { WhisperError } from './protocol/errors.js';
import { PeerEvent, TroubleEvent } from './events.js';
import { Peer } from './peer.js';
import { deferred } from './promises.js';
import { Rings } from './rings.js';
import { newEncryptionKey } from './protocol/sealing.js';

/** @typedef {import('./protocol/messages.js').Call} Call */
/** @typedef {import('./server.js').Server} Server */
/** @typedef {{signal?: AbortSignal, timeout?: number, stream?: MediaStream | null}} DialOptions */

/** How long it rings: a phone must wake, and a person find it. */
const RINGING_MS = 45_000;

/** What a switchboard tells whoever holds it.
 * @typedef {object} Ears
 * @property {(event: Event) => void} dispatch
 * @property {(dial: Call, code?: string) => void} settled nobody need be asked about this dial any more; `code` says why
 * @property {(reason: import('./protocol/errors.js').DropReason) => void} dropped
 */

/** The connections of one address. */
export class Switchboard {
  #me;
  #server;
  #ears;
  /** @type {Map<string, Connection>} those that are being made, and those that are there */ #connections = new Map();
  #closed = new AbortController();
  /** @type {Map<string, Peer>} */ peers = new Map();

  /**
   * @param {string} me
   * @param {Server} server
   * @param {Ears} ears
   */
  constructor(me, server, ears) {
    this.#me = me;
    this.#server = server;
    this.#ears = ears;
    this.rings = new Rings({
      now: () => server.now(),
      accept: (dial, options) => this.#accept(dial, options),
      decline: (dial) => server.relay('close', dial.sender),
      settled: ears.settled,
      dispatch: ears.dispatch,
    });
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
    const ringing = this.rings.get(address);
    if (ringing) return ringing.accept(options); // they were faster
    const connected = this.#connections.has(address) || this.peers.get(address)?.state === 'open';
    if (connected) throw new WhisperError('already_connected');
    return this.#ring(address, options);
  }

  /** @param {Call} call that is believed */
  take(call) {
    const connection = this.#connections.get(call.sender);
    if (call.method === 'dial') this.#hearDial(call, connection);
    else if (call.method === 'close') this.#hearClose(call, connection);
    else if (connection) connection.take(call);
    else this.#ears.dropped('unexpected');
  }

  /** The page goes, now. */
  leave() {
    for (const peer of this.peers.values()) peer.leave();
  }

  /** The page has come back, without its connections. */
  lose() {
    for (const connection of [...this.#connections.values()]) connection.close(new WhisperError('connection_lost'));
  }

  /** Hang up everywhere, and ring no more. */
  async close() {
    this.#closed.abort();
    this.rings.stop();
    await Promise.all([...this.peers.values()].map((peer) => peer.close()));
    for (const connection of [...this.#connections.values()]) connection.close(new WhisperError('cancelled'));
  }

  /**
   * @param {Call} dial
   * @param {Connection | undefined} connection
   */
  #hearDial(dial, connection) {
    if (connection && !connection.dialogue.isReplacedBy(dial)) {
      this.#ears.settled(dial);
      connection.take(dial); // it crossed ours, perhaps
    } else if (this.peers.has(dial.sender)) {
      this.#ears.settled(dial); // they have reloaded, or lost us: they need not ask again
      void this.#accept(dial).catch(() => undefined);
    } else {
      connection?.close(new WhisperError('replaced'));
      this.rings.begin(dial);
    }
  }

  /**
   * @param {Call} close
   * @param {Connection | undefined} connection
   */
  #hearClose(close, connection) {
    this.rings.hear(close);
    if (!connection?.dialogue.isEndedBy(close)) return;
    connection.close(new WhisperError(connection.dialogue.awaited === 'offer' ? 'declined' : 'hung_up'));
  }

  /**
   * @param {string} address
   * @param {DialOptions} options
   * @returns {Promise<Peer>}
   */
  async #ring(address, { signal: cancelling, timeout = RINGING_MS, stream }) {
    const signal = AbortSignal.any([this.#closed.signal, ...(cancelling ? [cancelling] : [])]);
    if (signal.aborted) throw new WhisperError('cancelled');
    const { connection, opened } = this.#connect(address, this.#server.now());
    /** @param {import('./protocol/errors.js').Code} code */
    const giveUp = (code) => {
      if (connection.ended || connection.isOpen) return;
      connection.close(new WhisperError(code));
      this.#server.relay('close', address).catch(() => undefined); // their phone need not ring any more
    };
    const cancel = () => giveUp('cancelled');
    const late = setTimeout(() => connection.dialogue.awaited === 'offer' && giveUp('no_answer'), timeout);
    signal.addEventListener('abort', cancel);
    connection.dial().catch((error) => {
      if (connection.dialogue.awaited === 'offer') connection.close(error); // else they have rung as well: theirs is answered
    });
    try {
      return await this.#shared(await opened, stream);
    } finally {
      clearTimeout(late);
      signal.removeEventListener('abort', cancel);
    }
  }

  /**
   * @param {Call} dial
   * @param {import('./ringing.js').AcceptOptions} [options]
   * @returns {Promise<Peer>}
   */
  async #accept(dial, { stream } = {}) {
    const { connection, opened } = this.#connect(dial.sender, dial.sentAt);
    connection.take(dial);
    return this.#shared(await opened, stream);
  }

  /**
   * Make a connection that leads to a peer: the one there is, when it was lost, or a new one.
   * @param {string} address
   * @param {number} since
   * @returns {{connection: Connection, opened: Promise<Peer>}} known at once, so that no other call comes between
   */
  #connect(address, since) {
    const began = performance.now();
    const ours = newEncryptionKey();
    const before = this.#connections.get(address);
    if (!before?.isOpen) before?.close(new WhisperError('replaced'));
    /** @type {import('./promises.js').Deferred<Peer>} */ const opened = deferred();
    /** @type {Peer | undefined} */ let peer;
    const connection = new Connection({ me: this.#me, them: address, ours, since }, this.#lineTo(address), {
      open: () => {
        peer = this.#welcome(address, connection, performance.now() - began);
        opened.resolve(peer);
      },
      close: (error) => {
        if (this.#connections.get(address) === connection) this.#connections.delete(address);
        opened.reject(error ?? new WhisperError('replaced'));
        peer?.hearClose(error, connection);
      },
      message: (value, bytes) => peer?.hearMessage(value, bytes, connection),
      control: (value) => peer?.hearControl(value, connection),
      file: (channel) => peer?.hearFile(channel, connection),
      track: (event) => peer?.hearTrack(event, connection),
      down: () => peer?.hearDown(connection),
      up: () => peer?.hearUp(connection),
    });
    this.#connections.set(address, connection);
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
      await this.#ring(address, { signal });
    });
    this.peers.set(address, peer);
    peer.addEventListener('close', () => this.peers.delete(address));
    this.#ears.dispatch(new PeerEvent(peer));
    return peer;
  }

  /**
   * @param {string} address
   * @returns {import('./rtc/connection.js').Line}
   */
  #lineTo(address) {
    return {
      relay: (method, encryptionKey, payload) => this.#server.relay(method, address, encryptionKey, payload),
      iceServers: async () => (await this.#server.config()).ice_servers,
      dropped: this.#ears.dropped,
    };
  }

  /**
   * Share *stream*. A program that takes none is connected all the same.
   * @param {Peer} peer
   * @param {MediaStream | null} [stream]
   * @returns {Promise<Peer>}
   */
  async #shared(peer, stream) {
    if (stream) await peer.share(stream).catch((error) => this.#ears.dispatch(new TroubleEvent(error)));
    return peer;
  }
}
