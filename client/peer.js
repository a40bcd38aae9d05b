/**
 * Remote peer as an app holds it: messages, files and media over successive connections.
 * @module
 */

import { FileEvent, PeerTarget } from './events.js';
import { WhisperError } from './protocol/errors.js';
import { Media } from './rtc/media.js';
import { ReceiveQueue } from './rtc/receive-queue.js';
import { Reconnection } from './rtc/reconnection.js';
import { ReliableDelivery, waitForHello } from './rtc/reliable-delivery.js';
import { routeOf } from './rtc/candidate-pair.js';
import { Transfers } from './rtc/transfers.js';

/** @typedef {import('./rtc/connection.js').Connection} Connection */
/** @typedef {'open' | 'reconnecting' | 'closed'} PeerState */

/** Remote peer. Fires `message` (MessageEvent), `delivered`, `file` (FileEvent), `media`, `statechange` and `close`. */
export class Peer extends PeerTarget {
  #reconnection;
  /** @type {Connection} */ #connection;
  #stream;
  #messages = new ReceiveQueue(() => this.#end(new WhisperError('reader_too_slow')));
  /** @type {Media} */ #media;
  #transfers = new Transfers();
  /** Ends with the connection. */ #attached = new AbortController();

  /**
   * @param {string} address
   * @param {Connection} connection an open one
   * @param {number} connectedIn ms
   * @param {(signal: AbortSignal) => Promise<unknown>} redial until the signal says that nobody wants it any more
   * @param {string[]} [features] of my app
   */
  constructor(address, connection, connectedIn, redial, features) {
    super();
    this.address = address;
    /** From the dial to the open connection, ms. */
    this.connectedIn = connectedIn;
    this.state = /** @type {PeerState} */ ('open');
    /** @type {WhisperError | null} why it closed; null when we closed it */
    this.error = null;
    this.shared = /** @type {MediaStream | null} */ (null);
    this.#reconnection = new Reconnection(redial);
    this.#reconnection.on('over', (error) => this.#end(error));
    this.#connection = connection;
    this.#stream = new ReliableDelivery(connection, features);
    this.#media = this.#listenTo(connection);
  }

  /** @returns {number} pushes that this connection took so far, both ways */
  get pushes() {
    return this.#connection.pushes;
  }

  /** @returns {string | undefined} which device of theirs it is, if they have several */
  get device() {
    return this.#connection.device;
  }

  /** @returns {number} how many of my messages have arrived */
  get delivered() {
    return this.#stream.delivered;
  }

  /** @returns {MediaStream} what the other shares */
  get remote() {
    return this.#media.remote;
  }

  /** @returns {AsyncIterable<any>} every message, from the first that nobody has read */
  get messages() {
    return this.#messages;
  }

  /**
   * @param {unknown} value any of JSON, or bytes, which arrive as a `Uint8Array`. While the connection is being made anew, it waits
   * @returns {Promise<number>} its number, from 1, when it is on its way; rejects with `not_json`, `message_too_large`, `not_connected`, …
   */
  async send(value) {
    if (this.state === 'closed') throw new WhisperError('not_connected');
    return this.#stream.send(value);
  }

  /** @param {Blob} file to offer; throws `not_connected` or `not_a_file` */
  sendFile(file) {
    if (!(file instanceof Blob)) throw new WhisperError('not_a_file');
    if (this.state !== 'open') throw new WhisperError('not_connected');
    return this.#transfers.offer(file, this.#connection);
  }

  /**
   * Share the tracks of *stream* instead of what is shared; null shares nothing.
   * @param {MediaStream | null} stream where they take none, this rejects with `media_unsupported`
   */
  async share(stream) {
    if (this.state === 'closed') throw new WhisperError('not_connected');
    if (stream && this.state === 'open' && !(await waitForHello(this.#connection))) throw new WhisperError('media_unsupported');
    this.shared = stream;
    await this.#media.share(stream).catch((cause) => {
      if (this.state === 'open') throw new WhisperError('not_connected', { cause }); // else the next connection shares it
    });
  }

  /** @returns {Promise<import('./rtc/candidate-pair.js').Route | null>} how the packets travel */
  route = async () => (this.#connection.rtc ? routeOf(this.#connection.rtc) : null);
  /** @returns {Promise<RTCStatsReport | null>} statistics of the connection, null between two */
  stats = async () => this.#connection.rtc?.getStats() ?? null;

  /** @param {string} feature @returns {Promise<boolean>} whether their app has said that it has it */
  supports = (feature) => this.#stream.supports(feature);

  /** Hang up. */
  async close() {
    if (this.state === 'closed') return;
    const direct = this.#connection.supportsControl && this.state === 'open';
    this.#finish(null);
    await this.#connection.hangUp(direct);
    this.#connection.close(null);
  }

  /** The page is about to go: say so at once, and nothing more. */
  sendGoodbye = () => this.#connection.sendGoodbye();
  /** Another window of ours dials, and will be connected instead. */
  expectTakeover = () => this.#reconnection.expectTakeover();

  /** @param {import('./protocol/messages.js').Call} close by which they hang up; one of a page before, which was found missing in a reload, is late */
  onHangUp(close) {
    if (this.#connection.session.isEndedBy(close)) this.#reconnection.onGone();
  }

  /** @param {Connection} connection an open one, with the same address, to go on over */
  attach(connection) {
    const old = this.#connection;
    this.#connection = connection;
    this.#reconnection.onFound();
    this.#media = this.#listenTo(connection);
    old.close(null);
    void this.#transfers.moveTo(connection);
    this.#stream.moveTo(connection);
    this.#setState('open');
    if (this.shared) void this.share(this.shared).catch(() => undefined); // over it, once they have said hello: their new program may not be ours
    this.dispatchEvent(new Event('media'));
  }

  /** @param {Connection} connection the only one that is listened to from now on; returns its media */
  #listenTo(connection) {
    this.#attached.abort();
    this.#attached = new AbortController();
    const { signal } = this.#attached;
    connection.on('message', (received) => this.#onMessage(received), signal);
    connection.on('control', (value) => this.#onControl(value), signal);
    connection.on('file', (channel) => void this.#onFile(channel), signal);
    connection.on('track', (event) => this.#media.onTrack(event), signal);
    connection.on('down', () => this.state === 'open' && this.#reconnect(() => this.#reconnection.onDown(connection)), signal);
    connection.on('up', () => this.#onUp(), signal);
    connection.on('close', (error) => this.#reconnection.isLeaving || this.#finish(error), signal);
    return new Media(/** @type {RTCPeerConnection} */ (connection.rtc), () => this.dispatchEvent(new Event('media')));
  }

  /** @param {import('./rtc/channels.js').Received} received */
  #onMessage({ value, bytes }) {
    if (this.state === 'closed') return;
    this.#stream.countReceived();
    this.#messages.push(value, bytes); // which ends with the connection
    this.dispatchEvent(new MessageEvent('message', { data: value }));
  }

  /** @param {any} value what their program tells ours */
  #onControl(value) {
    if (this.#stream.onControl(value)) this.dispatchEvent(new Event('delivered'));
    else if (value?.bye === 'closed') this.#end(new WhisperError('hung_up'));
    else if (value?.bye === 'leaving') this.#reconnect(() => this.#reconnection.onLeaving());
  }

  /** @param {RTCDataChannel} channel */
  async #onFile(channel) {
    const transfer = await this.#transfers.receiveOffer(channel, this.#connection).catch(() => undefined);
    if (transfer) this.dispatchEvent(new FileEvent(transfer));
  }

  #onUp() {
    if (this.#reconnection.isLeaving) return;
    this.#reconnection.onFound();
    this.#setState('open');
  }

  /** @param {() => Promise<void>} recover */
  #reconnect(recover) {
    if (this.state === 'closed') return;
    this.#setState('reconnecting');
    void recover();
  }

  /** @param {WhisperError} error */
  #end(error) {
    this.#finish(error);
    this.#connection.close(error);
  }

  /** @param {WhisperError | null} error */
  #finish(error) {
    if (this.state === 'closed') return;
    this.error = this.#reconnection.explain(error);
    this.#reconnection.stop();
    this.#transfers.loseAll();
    this.#stream.end(error ?? new WhisperError('not_connected'));
    this.#messages.end();
    this.#setState('closed');
    this.dispatchEvent(new Event('close'));
  }

  /** @param {PeerState} state */
  #setState(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new Event('statechange'));
  }
}
