/**
 * WebRTC connection to one address, from the dial to the close, with renegotiation and ICE restarts.
 * @module
 */

import { Emitter } from '../emitter.js';
import { pause } from '../promises.js';
import { Dropped, WhisperError } from '../protocol/errors.js';
import { SignalingSession, readCandidates, readDescription } from '../protocol/signaling-session.js';
import { SignalSender } from './signal-sender.js';
import { Channels } from './channels.js';
import { ConnectivityMonitor } from './connectivity.js';
import { Negotiation } from './negotiation.js';

/** @typedef {import('../protocol/messages.js').Call} Call */
/** @typedef {import('./channels.js').Received} Received */

/** Both addresses, our key, since when, ms of the server's time, and what a dial says.
 * @typedef {import('./signal-sender.js').Target & {me: string, since: number}} Parties
 */

/** From the first description to the open channel; ICE gives up after about as long. */
const CONNECTING_MS = 20_000;
/** Who hangs up waits no longer for a network that may be gone. */
const HANGING_UP_MS = 3_000;

/**
 * WebRTC connection; `receive` is given every call that the other makes. Fires `open`, `down` when no packet has come for a while,
 * `up`, `message`, `control`, `file`, `track`, `dropped`, and `close` with the reason, null when we want it.
 * @extends {Emitter<{open: null, down: null, up: null, close: WhisperError | null, message: Received, control: any,
 *   file: RTCDataChannel, track: RTCTrackEvent, dropped: import('../protocol/errors.js').DropReason}>}
 */
export class Connection extends Emitter {
  #server;
  #sender;
  /** @type {RTCPeerConnection | undefined} */ rtc;
  /** @type {Negotiation | undefined} */ #negotiation;
  /** @type {Channels | undefined} */ #channels;
  /** @type {Promise<unknown>} */ #turn = Promise.resolve();
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #deadline;
  /** @type {ConnectivityMonitor | undefined} */ #monitor;

  /**
   * @param {Parties} parties
   * @param {import('../api-client.js').ApiClient} server
   */
  constructor(parties, server) {
    super();
    const { me, them, ours, since } = parties;
    this.#server = server;
    this.#sender = new SignalSender(server, parties);
    this.session = new SignalingSession(me, them, ours, since);
    this.hasEnded = false;
  }

  /** @returns {number} pushes that it took so far, both ways */
  get pushes() {
    return this.#sender.pushes;
  }

  /** @returns {string | undefined} which device of theirs, if they have several */
  get device() {
    return this.#sender.device;
  }

  /** @returns {boolean} */
  get isOpen() {
    return !this.hasEnded && this.#channels?.isOpen === true;
  }

  /** @returns {boolean} whether the other program has told ours something: it knows what we know */
  get supportsControl() {
    return this.#channels?.supportsControl === true;
  }

  /** Ring; the offer comes to `receive`. */
  async dial() {
    this.session.awaited = 'offer';
    await this.#sender.dial();
  }

  /** @param {Call} call what the other says; each has its turn */
  receive(call) {
    this.#inTurn(() => this.#onCall(call));
  }

  /** @param {unknown} value */
  async send(value) {
    await this.channels.send(value);
  }

  /** @param {unknown} value something for their program, not for the person */
  async sendControl(value) {
    await this.channels.sendControl(value);
  }

  /** @param {boolean} direct whether the connection can still carry the goodbye, after all that was sent */
  async hangUp(direct) {
    const told = direct ? this.sendControl({ bye: 'closed' }) : this.#sender.close();
    const closed = told.then(() => this.#channels?.close()).catch(() => undefined); // they find out by themselves
    await Promise.race([closed, pause(HANGING_UP_MS)]);
  }

  /** Say that the page goes. */
  sendGoodbye() {
    this.#channels?.sendGoodbye();
    this.rtc?.close();
  }

  /** @param {WhisperError | null} error why it ends, null when we want it */
  close(error) {
    if (this.hasEnded) return;
    this.hasEnded = true;
    clearTimeout(this.#deadline);
    this.#monitor?.stop();
    this.#negotiation?.stop();
    this.rtc?.close();
    this.emit('close', error);
  }

  /** @param {Call} call */
  async #onCall(call) {
    if (call.method === 'dial') {
      await this.session.onDial(call);
      this.#sender.follow(call);
      (await this.#start()).channels.begin(); // which makes an offer necessary
    } else if (call.method === 'ice') {
      const candidates = await this.session.onCandidates(call);
      this.#sender.pushes += 1;
      await this.#negotiation?.addCandidates(candidates);
    } else if (call.method === 'offer' && call.fromDevice !== this.device && (await this.session.isLate(call))) {
      await this.#sender.refuse(call);
    } else {
      const description = await this.session.onDescription(call);
      this.#sender.follow(call);
      const { negotiation } = await this.#start();
      await negotiation.addCandidates(await this.session.takeEarlyCandidates());
      await negotiation.applyRemoteDescription(description, false);
    }
  }

  /**
   * Take what their program tells ours: a part of the negotiation has its turn, and takes room until then.
   * @param {Received} received
   */
  #onControl({ value, bytes }) {
    if (!value?.description && !value?.candidates) return this.emit('control', value);
    if (!this.#channels?.budget.take(bytes)) return this.close(new WhisperError('flooded'));
    this.#inTurn(async () => {
      this.#channels?.budget.give(bytes);
      if (value.description) await this.#negotiation?.applyRemoteDescription(readDescription(value.description.type, value.description), true);
      else await this.#negotiation?.addCandidates(readCandidates(value.candidates));
    });
  }

  /** @returns {Promise<{negotiation: Negotiation, channels: Channels}>} */
  async #start() {
    if (this.#negotiation && this.#channels) return { negotiation: this.#negotiation, channels: this.#channels };
    const iceServers = await this.#server.iceServers();
    const rtc = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' });
    const channels = this.#listenTo(new Channels(rtc, () => this.session.keys));
    const negotiation = new Negotiation(rtc, channels, this.session, (method, value) => this.#push(method, value));
    negotiation.on('failed', (error) => this.#fail(error));
    this.#monitor = new ConnectivityMonitor(rtc);
    this.#monitor.on('lost', () => (this.isOpen ? this.emit('down', null) : this.close(new WhisperError('connection_failed'))));
    this.#monitor.on('back', () => this.emit('up', null));
    rtc.addEventListener('track', (event) => this.emit('track', event));
    this.rtc = rtc;
    this.#channels = channels;
    this.#negotiation = negotiation;
    if (this.hasEnded) rtc.close();
    else this.#deadline = setTimeout(() => this.close(new WhisperError('connection_failed')), CONNECTING_MS);
    return { negotiation, channels };
  }

  /** @param {Channels} channels */
  #listenTo(channels) {
    channels.on('open', () => {
      clearTimeout(this.#deadline);
      this.emit('open', null);
    });
    channels.on('close', () => this.close(new WhisperError('hung_up')));
    channels.on('message', (received) => this.emit('message', received));
    channels.on('control', (received) => this.#onControl(received));
    channels.on('file', (channel) => this.emit('file', channel));
    channels.on('dropped', (reason) => this.emit('dropped', reason));
    channels.on('flooded', () => this.close(new WhisperError('flooded')));
    return channels;
  }

  /** @returns {Channels} of an open connection; throws `not_connected` */
  get channels() {
    if (!this.#channels || this.hasEnded) throw new WhisperError('not_connected');
    return this.#channels;
  }

  /**
   * @param {'offer' | 'answer' | 'ice'} method
   * @param {unknown} value
   */
  async #push(method, value) {
    if (this.hasEnded) return;
    if (method === 'offer') this.session.awaited = 'answer';
    await this.#sender.send(method, await this.session.seal(method, value));
  }

  /** @param {() => Promise<void>} work */
  #inTurn(work) {
    this.#turn = this.#turn.then(() => (this.hasEnded ? undefined : work())).catch((error) => this.#fail(error));
  }

  /** @param {unknown} error */
  #fail(error) {
    if (error instanceof Dropped) return this.emit('dropped', error.reason);
    if (this.hasEnded || this.isOpen) return; // nobody waits for it; what matters shows in the connection's state
    this.close(error instanceof WhisperError ? error : new WhisperError('connection_failed', { cause: error }));
  }
}
