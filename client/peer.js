/**
 * Somebody we are connected with: one object for as long as both want it, through lost networks and reloads.
 * @module
 */

import { Conversation, HELLO_MS } from './rtc/message-stream.js';
import { FileEvent } from './events.js';
import { WhisperError } from './protocol/errors.js';
import { Media } from './rtc/media.js';
import { MessageQueue } from './rtc/message-queue.js';
import { pause } from './promises.js';
import { reconnect } from './rtc/reconnect.js';
import { routeOf } from './rtc/route.js';
import { Transfer } from './rtc/file-transfer.js';

/** @typedef {import('./rtc/connection.js').Connection} Connection */
/** @typedef {'open' | 'reconnecting' | 'closed'} PeerState */

/** A page that says goodbye may be a reload. */
const RELOAD_MS = 15_000;
/** How often we look whether their program has spoken. */
const LOOK_MS = 50;
/** Files under way at once; a person can't be asked about more. */
const MAX_TRANSFERS = 64;

/** Fires `message` (MessageEvent), `delivered`, `file` (FileEvent), `media`, `statechange` and `close`. */
export class Peer extends EventTarget {
  #redial;
  /** @type {Connection} */ #connection;
  #conversation;
  #messages = new MessageQueue(() => this.#end(new WhisperError('reader_too_slow')));
  /** @type {Media} */ #media;
  /** @type {Set<Transfer>} */ #transfers = new Set();
  #leaving = false;
  #outage = 0;
  #over = new AbortController();

  /**
   * @param {string} address
   * @param {Connection} connection an open one
   * @param {number} connectedIn ms
   * @param {(signal: AbortSignal) => Promise<unknown>} redial until the signal says that nobody wants it any more
   */
  constructor(address, connection, connectedIn, redial) {
    super();
    this.address = address;
    /** From the dial to the open connection, ms. */
    this.connectedIn = connectedIn;
    /** @type {PeerState} */
    this.state = 'open';
    /** @type {WhisperError | null} why it closed; null when we closed it */
    this.error = null;
    /** @type {MediaStream | null} what we share */
    this.shared = null;
    this.#redial = redial;
    this.#connection = connection;
    this.#conversation = new Conversation(connection);
    this.#media = this.#mediaOf(connection);
  }

  /** @returns {number} pushes that this connection took so far, both ways */
  get pushes() {
    return this.#connection.pushes;
  }

  /** @returns {number} how many of my messages have arrived */
  get delivered() {
    return this.#conversation.delivered;
  }

  /** @returns {MediaStream} what the other shares */
  get remote() {
    return this.#media.remote;
  }

  /** @returns {AsyncIterable<any>} every message, from the first that nobody has read; ends with the connection */
  get messages() {
    return this.#messages;
  }

  /**
   * Send any JSON value. While the connection is being made anew, it waits.
   * @param {unknown} value
   * @returns {Promise<number>} its number, from 1, when it is on its way
   * @throws {WhisperError} `not_json`, `message_too_large` or `not_connected`
   */
  async send(value) {
    if (this.state === 'closed') throw new WhisperError('not_connected');
    return this.#conversation.send(value);
  }

  /**
   * Offer a file.
   * @param {Blob} file
   * @returns {Transfer}
   * @throws {WhisperError} `not_connected`
   */
  sendFile(file) {
    if (this.state !== 'open') throw new WhisperError('not_connected');
    return this.#note(Transfer.offer(file, this.#connection.fileChannel(), this.#connection.dialogue.keys));
  }

  /**
   * Share the tracks of *stream* instead of what is shared; null shares nothing.
   * @param {MediaStream | null} stream
   * @throws {WhisperError} `media_unsupported` or `not_connected`
   */
  async share(stream) {
    if (this.state === 'closed') throw new WhisperError('not_connected');
    if (stream && this.state === 'open' && !(await this.#isOurKind())) throw new WhisperError('media_unsupported');
    this.shared = stream;
    await this.#media.share(stream).catch((cause) => {
      if (this.state === 'open') throw new WhisperError('not_connected', { cause }); // else it is shared over the next connection
    });
  }

  /** @returns {Promise<import('./rtc/route.js').Route | null>} how the packets travel */
  async route() {
    return this.#connection.rtc ? routeOf(this.#connection.rtc) : null;
  }

  /** Hang up. */
  async close() {
    if (this.state === 'closed') return;
    const direct = this.#connection.isOurKind && this.state === 'open';
    this.#finish(null);
    await this.#connection.hangUp(direct);
    this.#connection.close(null);
  }

  /** The page is about to go: say so at once, and nothing more. */
  leave() {
    this.#connection.leave();
  }

  /**
   * Go on over another connection with the same address.
   * @param {Connection} connection an open one
   */
  attach(connection) {
    const old = this.#connection;
    this.#connection = connection;
    this.#leaving = false;
    old.close(null);
    this.#loseTransfers();
    this.#media = this.#mediaOf(connection);
    this.#conversation.moveTo(connection);
    if (this.shared) void this.share(this.shared).catch(() => undefined); // their new program may not be ours
    this.#become('open');
    this.dispatchEvent(new Event('media'));
  }

  /** @param {any} value @param {number} bytes @param {Connection} from */
  hearMessage(value, bytes, from) {
    if (from !== this.#connection || this.state === 'closed') return;
    this.#conversation.count();
    this.#messages.push(value, bytes);
    this.dispatchEvent(new MessageEvent('message', { data: value }));
  }

  /** @param {any} value what their program tells ours @param {Connection} from */
  hearControl(value, from) {
    if (from !== this.#connection) return;
    if (this.#conversation.hear(value)) this.dispatchEvent(new Event('delivered'));
    else if (value?.bye === 'closed') this.#end(new WhisperError('hung_up'));
    else if (value?.bye === 'leaving') void this.#awaitReload(from);
  }

  /** @param {RTCDataChannel} channel @param {Connection} from */
  async hearFile(channel, from) {
    if (this.#transfers.size >= MAX_TRANSFERS) return channel.close();
    const transfer = await Transfer.offered(channel, from.dialogue.keys).catch(() => undefined);
    if (transfer) this.dispatchEvent(new FileEvent(this.#note(transfer)));
  }

  /** @param {RTCTrackEvent} event @param {Connection} from */
  hearTrack(event, from) {
    if (from === this.#connection) this.#media.hear(event);
  }

  /** @param {Connection} from */
  hearUp(from) {
    if (from === this.#connection && !this.#leaving) this.#become('open');
  }

  /**
   * Nothing comes any more: try another way, then another connection, then give up.
   * @param {Connection} from
   */
  async hearDown(from) {
    if (from !== this.#connection || this.state !== 'open') return;
    this.#become('reconnecting');
    const outage = (this.#outage += 1); // a later one has its own tries
    const over = await reconnect({
      polite: from.dialogue.polite,
      isLost: () => outage === this.#outage && this.state === 'reconnecting' && !this.#leaving,
      restart: () => from.rtc?.restartIce(),
      redial: () => this.#redial(this.#over.signal),
    });
    if (over) this.#end(over.code === 'declined' ? new WhisperError('hung_up') : over);
  }

  /** @param {WhisperError | null} error @param {Connection} from */
  hearClose(error, from) {
    if (from === this.#connection && !this.#leaving) this.#finish(error);
  }

  /** @param {Connection} from whose page has said goodbye: it is closed, or comes back and dials */
  async #awaitReload(from) {
    this.#leaving = true;
    this.#become('reconnecting');
    await pause(RELOAD_MS);
    if (from === this.#connection) this.#end(new WhisperError('hung_up'));
  }

  /** @param {WhisperError} error */
  #end(error) {
    this.#finish(error);
    this.#connection.close(error);
  }

  /** @param {WhisperError | null} error */
  #finish(error) {
    if (this.state === 'closed') return;
    this.error = error;
    this.#over.abort();
    this.#loseTransfers();
    this.#conversation.end(error ?? new WhisperError('not_connected'));
    this.#messages.end();
    this.#become('closed');
    this.dispatchEvent(new Event('close'));
  }

  async #isOurKind() {
    for (let waited = 0; waited < HELLO_MS && !this.#connection.isOurKind; waited += LOOK_MS) await pause(LOOK_MS);
    return this.#connection.isOurKind;
  }

  /** @param {Connection} connection */
  #mediaOf(connection) {
    return new Media(/** @type {RTCPeerConnection} */ (connection.rtc), () => this.dispatchEvent(new Event('media')));
  }

  /**
   * @param {Transfer} transfer
   * @returns {Transfer}
   */
  #note(transfer) {
    this.#transfers.add(transfer);
    const forget = () => this.#transfers.delete(transfer);
    transfer.done.then(forget, forget);
    return transfer;
  }

  #loseTransfers() {
    for (const transfer of this.#transfers) transfer.lose();
  }

  /** @param {PeerState} state */
  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new Event('statechange'));
  }
}
