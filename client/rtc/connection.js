/**
 * One connection with one address: from the dial to the open channel, through new media and lost networks, to its end.
 * @module
 */

import { Channels } from './channels.js';
import { Dialogue, readCandidates, readDescription } from '../protocol/handshake.js';
import { Dropped, WhisperError } from '../protocol/errors.js';
import { Negotiation } from './negotiation.js';
import { pause } from '../promises.js';

/** @typedef {import('../protocol/messages.js').Call} Call */
/** @typedef {import('../protocol/messages.js').Method} Method */

/** How calls leave: what a connection needs from the world.
 * @typedef {object} Line
 * @property {(method: Method, encryptionKey?: string, payload?: string) => Promise<void>} relay
 * @property {() => Promise<RTCIceServer[]>} iceServers
 * @property {(reason: import('../protocol/errors.js').DropReason) => void} dropped
 */

/** What a connection tells whoever holds it.
 * @typedef {object} Ears
 * @property {() => void} open
 * @property {() => void} down no packet has come for a while
 * @property {() => void} up
 * @property {(error: WhisperError | null) => void} close
 * @property {(value: any, bytes: number) => void} message
 * @property {(value: any) => void} control
 * @property {(channel: RTCDataChannel) => void} file
 * @property {(event: RTCTrackEvent) => void} track
 */

/** From the first description to the open channel; ICE gives up after about as long. */
const CONNECTING_MS = 20_000;
/** ICE says 'disconnected' for a moment on every bad network. */
const PATIENCE_MS = 2_500;
/** Who hangs up waits no longer for a network that may be gone. */
const HANGING_UP_MS = 3_000;

/** A connection; `take` is given every call that the other makes. */
export class Connection {
  #line;
  #ears;
  #ours;
  /** @type {RTCPeerConnection | undefined} */ rtc;
  /** @type {Negotiation | undefined} */ #negotiation;
  /** @type {Channels | undefined} */ #channels;
  /** @type {Promise<unknown>} */ #turn = Promise.resolve();
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #deadline;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #patience;
  #down = false;

  /**
   * @param {{me: string, them: string, ours: Promise<import('../protocol/sealing.js').EncryptionKey>, since: number}} parties
   * @param {Line} line
   * @param {Ears} ears
   */
  constructor({ me, them, ours, since }, line, ears) {
    this.#line = line;
    this.#ears = ears;
    this.#ours = ours;
    this.dialogue = new Dialogue(me, them, ours, since);
    /** Pushes that it took so far, both ways. */
    this.pushes = 0;
    this.ended = false;
  }

  /** @returns {boolean} */
  get isOpen() {
    return !this.ended && this.#channels?.isOpen === true;
  }

  /** @returns {boolean} whether the other program has told ours something: it knows what we know */
  get isOurKind() {
    return this.#channels?.heardControl === true;
  }

  /** Ring; the offer comes to `take`. */
  async dial() {
    this.dialogue.awaited = 'offer';
    await this.#relay('dial');
  }

  /** @param {Call} call what the other says; each has its turn */
  take(call) {
    this.#inTurn(() => this.#hear(call));
  }

  /** @param {unknown} value */
  async send(value) {
    await this.#open().send(value);
  }

  /** @param {unknown} value something for their program, not for the person */
  async tell(value) {
    await this.#open().tell(value);
  }

  /** @returns {RTCDataChannel} a new one, for one file */
  fileChannel() {
    return this.#open().forFile();
  }

  /**
   * Tell the other that it is over, after all that was sent.
   * @param {boolean} direct whether the connection can still carry it
   */
  async hangUp(direct) {
    const told = direct ? this.tell({ bye: 'closed' }) : this.#line.relay('close');
    const closed = told.then(() => this.#channels?.close()).catch(() => undefined); // they find out by themselves
    await Promise.race([closed, pause(HANGING_UP_MS)]);
  }

  /** Say that the page goes. */
  leave() {
    this.#channels?.leave();
    this.rtc?.close();
  }

  /** @param {WhisperError | null} error why it ends, null when we want it */
  close(error) {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#patience);
    this.#negotiation?.stop();
    this.rtc?.close();
    this.#ears.close(error);
  }

  /** @param {Call} call */
  async #hear(call) {
    if (call.method === 'dial') {
      await this.dialogue.hearDial(call);
      this.pushes += 1;
      (await this.#start()).channels.begin(); // which makes an offer necessary
    } else if (call.method === 'ice') {
      const candidates = await this.dialogue.hearCandidates(call);
      this.pushes += 1;
      await this.#negotiation?.addCandidates(candidates);
    } else {
      const description = await this.dialogue.hearDescription(call);
      this.pushes += 1;
      const { negotiation } = await this.#start();
      await negotiation.addCandidates(await this.dialogue.early());
      await negotiation.describe(description, false);
    }
  }

  /** @param {any} value what their program tells ours */
  async #hearControl(value) {
    if (value?.description) {
      await this.#negotiation?.describe(readDescription(value.description.type, value.description), true);
    } else if (value?.candidates) {
      await this.#negotiation?.addCandidates(readCandidates(value.candidates));
    } else {
      this.#ears.control(value);
    }
  }

  /** @returns {Promise<{negotiation: Negotiation, channels: Channels}>} */
  async #start() {
    if (this.#negotiation && this.#channels) return { negotiation: this.#negotiation, channels: this.#channels };
    const rtc = new RTCPeerConnection({ iceServers: await this.#line.iceServers(), bundlePolicy: 'max-bundle' });
    const channels = new Channels(rtc, () => this.dialogue.keys, {
      open: () => this.#opened(),
      close: () => this.close(new WhisperError('hung_up')),
      message: this.#ears.message,
      control: (value) => this.#inTurn(() => this.#hearControl(value)),
      file: this.#ears.file,
      dropped: this.#line.dropped,
    });
    const negotiation = new Negotiation(rtc, {
      direct: () => channels.heardControl && rtc.connectionState === 'connected',
      tell: (value) => channels.tell(value),
      push: (method, value) => this.#push(method, value),
      polite: () => this.dialogue.polite,
      failed: (error) => this.#fail(error),
    });
    rtc.addEventListener('connectionstatechange', () => this.#watch(rtc));
    rtc.addEventListener('track', (event) => this.#ears.track(event));
    this.rtc = rtc;
    this.#channels = channels;
    this.#negotiation = negotiation;
    if (this.ended) rtc.close();
    else this.#deadline = setTimeout(() => this.close(new WhisperError('connection_failed')), CONNECTING_MS);
    return { negotiation, channels };
  }

  #opened() {
    clearTimeout(this.#deadline);
    this.#ears.open();
  }

  /** @returns {Channels} */
  #open() {
    if (!this.#channels || this.ended) throw new WhisperError('not_connected');
    return this.#channels;
  }

  /** @param {RTCPeerConnection} rtc */
  #watch(rtc) {
    clearTimeout(this.#patience);
    if (rtc.connectionState === 'connected' && this.#down) {
      this.#down = false;
      this.#ears.up();
    } else if (rtc.connectionState === 'failed') {
      this.#lose();
    } else if (rtc.connectionState === 'disconnected') {
      this.#patience = setTimeout(() => this.#lose(), PATIENCE_MS);
    }
  }

  #lose() {
    if (!this.isOpen) return this.close(new WhisperError('connection_failed'));
    if (this.#down) return;
    this.#down = true;
    this.#ears.down();
  }

  /**
   * @param {'offer' | 'answer' | 'ice'} method
   * @param {unknown} value
   */
  async #push(method, value) {
    if (this.ended) return;
    if (method === 'offer') this.dialogue.awaited = 'answer';
    await this.#relay(method, await this.dialogue.seal(method, value));
  }

  /**
   * @param {Method} method
   * @param {string} [payload]
   */
  async #relay(method, payload) {
    await this.#line.relay(method, (await this.#ours).publicKey, payload);
    this.pushes += 1;
  }

  /** @param {() => Promise<void>} hear */
  #inTurn(hear) {
    this.#turn = this.#turn.then(() => (this.ended ? undefined : hear())).catch((error) => this.#fail(error));
  }

  /** @param {unknown} error */
  #fail(error) {
    if (error instanceof Dropped) return this.#line.dropped(error.reason);
    if (this.ended || this.isOpen) return; // nobody waits for it; what matters shows in the connection's state
    this.close(error instanceof WhisperError ? error : new WhisperError('connection_failed', { cause: error }));
  }
}
