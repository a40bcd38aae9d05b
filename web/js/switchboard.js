/**
 * Who rings, and who is connected with whom: every believed call goes to the one connection that it belongs to.
 * @module
 */

import { Connection } from './connection.js';
import { WhisperError } from './errors.js';
import { DialEvent, MissedEvent, PeerEvent } from './events.js';
import { Peer } from './peer.js';
import { deferred } from './promises.js';
import { Ringing } from './ringing.js';
import { newEncryptionKey } from './sealing.js';

/** @typedef {import('./protocol.js').Call} Call */
/** @typedef {import('./server.js').Server} Server */
/** @typedef {{signal?: AbortSignal, timeout?: number, stream?: MediaStream | null}} DialOptions */

/** How long it rings: a phone must wake, and a person find it. */
const RINGING_MS = 45_000;

/** What a switchboard tells whoever holds it.
 * @typedef {object} Ears
 * @property {(event: Event) => void} dispatch
 * @property {(dial: Call) => void} settled nobody need be asked about this dial any more
 * @property {(reason: import('./errors.js').DropReason) => void} dropped
 */

/** The connections of one address. */
export class Switchboard {
  #me;
  #server;
  #ears;
  /** @type {Map<string, Connection>} those that are being made, and those that are there */ #connections = new Map();
  /** @type {Map<string, Ringing>} */ #ringing = new Map();
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
    const ringing = this.#ringing.get(address);
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

  /**
   * The person has clicked on a notification: who rings is answered, who rang is dialled back.
   * @param {string} address
   */
  answer(address) {
    const ringing = this.#ringing.get(address);
    this.#ears.dispatch(ringing ? new DialEvent(ringing, true) : new MissedEvent(address, true));
  }

  /** @param {string} address whose call the person does not want, by the notification */
  decline(address) {
    void this.#ringing.get(address)?.decline().catch(() => undefined);
  }

  /** @param {string} signature of a dial that another page has dealt with */
  taken(signature) {
    const found = [...this.#ringing.values()].find((ringing) => ringing.dial.signature === signature);
    found?.end('taken');
  }

  /** The page goes, now. */
  leave() {
    for (const peer of this.peers.values()) peer.leave();
  }

  /** Hang up everywhere. */
  async close() {
    await Promise.all([...this.peers.values()].map((peer) => peer.close()));
    for (const connection of this.#connections.values()) connection.close(new WhisperError('cancelled'));
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
      this.#beginRinging(dial);
    }
  }

  /** @param {Call} dial */
  #beginRinging(dial) {
    const before = this.#ringing.get(dial.sender);
    if (before?.dial.signature === dial.signature) return; // the worker told it, and the store as well
    before?.end('replaced');
    const ringing = new Ringing(
      dial,
      this.#server.now(),
      (options) => {
        ringing.end('answered');
        return this.#accept(dial, options);
      },
      () => {
        ringing.end('declined');
        return this.#server.relay('close', dial.sender);
      },
    );
    this.#ringing.set(dial.sender, ringing);
    ringing.signal.addEventListener('abort', () => this.#endRinging(ringing));
    this.#ears.dispatch(new DialEvent(ringing));
  }

  /** @param {Ringing} ringing */
  #endRinging({ dial, signal }) {
    if (this.#ringing.get(dial.sender)?.dial === dial) this.#ringing.delete(dial.sender);
    this.#ears.settled(dial);
    const { code } = signal.reason;
    if (code === 'missed' || code === 'hung_up') this.#ears.dispatch(new MissedEvent(dial.sender));
  }

  /**
   * @param {Call} close
   * @param {Connection | undefined} connection
   */
  #hearClose(close, connection) {
    const ringing = this.#ringing.get(close.sender);
    if (ringing && close.sentAt >= ringing.dial.sentAt) ringing.end('hung_up');
    if (!connection?.dialogue.isEndedBy(close)) return;
    connection.close(new WhisperError(connection.dialogue.awaited === 'offer' ? 'declined' : 'hung_up'));
  }

  /**
   * @param {string} address
   * @param {DialOptions} options
   * @returns {Promise<Peer>}
   */
  async #ring(address, { signal, timeout = RINGING_MS, stream }) {
    if (signal?.aborted) throw new WhisperError('cancelled');
    const { connection, opened } = this.#connect(address, this.#server.now());
    /** @param {import('./errors.js').Code} code */
    const giveUp = (code) => {
      if (connection.ended || connection.isOpen) return;
      connection.close(new WhisperError(code));
      this.#server.relay('close', address).catch(() => undefined); // their phone need not ring any more
    };
    const cancel = () => giveUp('cancelled');
    const late = setTimeout(() => connection.dialogue.awaited === 'offer' && giveUp('no_answer'), timeout);
    signal?.addEventListener('abort', cancel);
    connection.dial().catch((error) => connection.close(error));
    try {
      return await shared(await opened, stream);
    } finally {
      clearTimeout(late);
      signal?.removeEventListener('abort', cancel);
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
    return shared(await opened, stream);
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
      message: (value) => peer?.hearMessage(value, connection),
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
   * @returns {import('./connection.js').Line}
   */
  #lineTo(address) {
    return {
      relay: (method, encryptionKey, payload) => this.#server.relay(method, address, encryptionKey, payload),
      iceServers: async () => (await this.#server.config()).ice_servers,
      dropped: this.#ears.dropped,
    };
  }
}

/**
 * @param {Peer} peer
 * @param {MediaStream | null} [stream]
 * @returns {Promise<Peer>}
 */
async function shared(peer, stream) {
  if (stream) await peer.share(stream);
  return peer;
}
