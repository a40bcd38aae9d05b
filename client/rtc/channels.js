/**
 * Data channels of one connection: the messages, the signaling between the two programs, and one for each file.
 * @module
 */

import { Emitter } from '../emitter.js';
import { pause } from '../promises.js';
import { WhisperError } from '../protocol/errors.js';
import { ByteBudget } from './byte-budget.js';
import { SealedChannel } from './sealed-channel.js';

/** @typedef {{value: any, bytes: number}} Received a value, and about the bytes it came in */

const VALUES = 'whisper';
const CONTROL = 'control';
const FILE = 'file';

/** The other's word that all has arrived. */
const CLOSING_MS = 1_000;
/** A goodbye over the control channel may come after the other channel has closed. */
const GOODBYE_MS = 300;
/** Descriptions are the largest that programs tell each other. */
const MAX_CONTROL_BYTES = 256 * 1024;
/** Control values before the person can be told anything: a hello, some candidates. */
const MAX_EARLY = 64;
/** Files on offer or under way at once; a person can't be asked about more. */
const MAX_FILES = 64;
/** Channels of theirs that were one too many. Who goes on is no program that we know. */
const MAX_REFUSED = 256;

/**
 * Data channels of one `RTCPeerConnection`. Each side opens its own control channel, when it has something to say. Fires `open`,
 * `close`, `message`, `control`, `file` with the channel of a file that the other offers, `dropped`, and `flooded`.
 * @extends {Emitter<{open: null, close: null, message: Received, control: Received, file: RTCDataChannel,
 *   dropped: import('../protocol/errors.js').DropReason, flooded: null}>}
 */
export class Channels extends Emitter {
  #rtc;
  #keys;
  /** @type {SealedChannel | undefined} */ #values;
  /** @type {Promise<SealedChannel> | undefined} ours */ #control;
  /** @type {Received[]} what their program told before the person could be told anything */ #early = [];
  #hasTheirControl = false;
  #files = 0;
  #refused = 0;
  #goodbye = () => {};
  /** What may wait here in all. */
  budget = new ByteBudget();
  /** Whether the other program has spoken over its control channel, as ours does. */
  supportsControl = false;

  /**
   * @param {RTCPeerConnection} rtc
   * @param {() => import('../protocol/sealing.js').Keys} keys
   */
  constructor(rtc, keys) {
    super();
    this.#rtc = rtc;
    this.#keys = keys;
    rtc.addEventListener('datachannel', ({ channel }) => this.#onChannel(channel));
  }

  /** @returns {boolean} whether values can be sent */
  get isOpen() {
    return this.#values?.isOpen === true;
  }

  /** Open the channel for values; the other side hears of it. */
  begin() {
    this.#useForValues(this.#rtc.createDataChannel(VALUES));
  }

  /** @param {unknown} value of the person */
  async send(value) {
    if (!this.#values) throw new WhisperError('not_connected');
    await this.#values.send(value);
  }

  /** @param {unknown} value for their program, not for the person */
  async sendControl(value) {
    this.#control ??= this.#openControl(this.#rtc.createDataChannel(CONTROL));
    await (await this.#control).send(value);
  }

  /** @returns {RTCDataChannel} a new one, for one file */
  createFileChannel() {
    return this.#rtc.createDataChannel(FILE);
  }

  /** Close the channel for values after all that was sent, and wait a moment until the other has it. */
  async close() {
    this.#values?.close();
    await Promise.race([this.#values?.closed, pause(CLOSING_MS)]);
  }

  /** Say that the page goes: now, as a page that is unloading can wait for nothing. */
  sendGoodbye() {
    this.#goodbye();
  }

  /** @param {RTCDataChannel} channel that the other has opened */
  #onChannel(channel) {
    if (channel.label === VALUES && !this.#values) this.#useForValues(channel);
    else if (channel.label === CONTROL && !this.#hasTheirControl) this.#useForTheirControl(channel);
    else if (channel.label === FILE && this.#files < MAX_FILES) this.#useForFile(channel);
    else this.#refuse(channel);
  }

  /** @param {RTCDataChannel} channel that is one too many */
  #refuse(channel) {
    channel.close();
    this.#refused += 1;
    if (this.#refused > MAX_REFUSED) this.emit('flooded', null);
  }

  /** @param {RTCDataChannel} channel */
  #useForFile(channel) {
    this.#files += 1;
    channel.addEventListener('close', () => (this.#files -= 1));
    this.emit('file', channel);
  }

  /** @param {RTCDataChannel} channel */
  #useForValues(channel) {
    const onOpen = () => {
      if (this.#values) return channel.close(); // one is enough
      this.#values = this.#seal(channel, { method: 'message' });
      this.#values.on('value', (received) => this.emit('message', received));
      this.#values.on('close', () => void pause(GOODBYE_MS).then(() => this.emit('close', null)));
      this.emit('open', null);
      for (const received of this.#early.splice(0)) this.#release(received);
    };
    if (channel.readyState === 'open') onOpen();
    else channel.addEventListener('open', onOpen, { once: true });
  }

  /** @param {RTCDataChannel} channel theirs */
  #useForTheirControl(channel) {
    this.#hasTheirControl = true;
    const sealed = this.#seal(channel, { method: CONTROL, maxValueBytes: MAX_CONTROL_BYTES });
    sealed.on('value', (received) => {
      this.supportsControl = true;
      if (this.#values) this.emit('control', received);
      else this.#hold(received); // channels have no order among each other
    });
  }

  /** @param {Received} received */
  #hold(received) {
    if (this.#early.length >= MAX_EARLY || !this.budget.take(received.bytes)) return this.emit('flooded', null);
    this.#early.push(received);
  }

  /** @param {Received} received that was held */
  #release(received) {
    this.budget.give(received.bytes);
    this.emit('control', received);
  }

  /**
   * @param {RTCDataChannel} channel ours
   * @returns {Promise<SealedChannel>} once it is open
   */
  async #openControl(channel) {
    const sealed = this.#seal(channel, { method: CONTROL, maxValueBytes: MAX_CONTROL_BYTES });
    await new Promise((resolve) => {
      for (const name of ['open', 'close']) channel.addEventListener(name, resolve, { once: true });
    });
    this.#goodbye = await sealed.prepare({ bye: 'leaving' });
    return sealed;
  }

  /**
   * @param {RTCDataChannel} channel
   * @param {{method: string, maxValueBytes?: number}} options
   */
  #seal(channel, options) {
    const sealed = new SealedChannel(channel, this.#keys(), { ...options, budget: this.budget });
    sealed.on('dropped', (reason) => this.emit('dropped', reason));
    sealed.on('flooded', () => this.emit('flooded', null));
    return sealed;
  }
}
