/**
 * The data channels of one connection: the person's values, what the two programs tell each other, and a channel for each file.
 * @module
 */

import { SealedChannel } from './sealed-channel.js';
import { WhisperError } from '../protocol/errors.js';
import { pause } from '../promises.js';

/** What channels tell whoever holds them.
 * @typedef {object} Ears
 * @property {() => void} open
 * @property {() => void} close
 * @property {(value: any, bytes: number) => void} message
 * @property {(value: any) => void} control
 * @property {(channel: RTCDataChannel) => void} file
 * @property {(reason: import('../protocol/errors.js').DropReason) => void} dropped
 */

const VALUES = 'whisper';
const CONTROL = 'control';
const FILE = 'file';

/** The other's word that all has arrived. */
const CLOSING_MS = 1_000;
/** A goodbye over the control channel may come after the other channel has closed. */
const GOODBYE_MS = 300;

/** The channels over one `RTCPeerConnection`. Each side opens its own control channel, when it has something to say. */
export class Channels {
  #rtc;
  #keys;
  #ears;
  /** @type {SealedChannel | undefined} */ #values;
  /** @type {Promise<SealedChannel> | undefined} */ #control;
  /** @type {unknown[]} what their program told before the person could be told anything */ #early = [];
  #goodbye = () => {};
  /** Whether the other program has spoken over its control channel, as ours does. */
  heardControl = false;

  /**
   * @param {RTCPeerConnection} rtc
   * @param {() => import('../protocol/sealing.js').Keys} keys
   * @param {Ears} ears
   */
  constructor(rtc, keys, ears) {
    this.#rtc = rtc;
    this.#keys = keys;
    this.#ears = ears;
    rtc.addEventListener('datachannel', ({ channel }) => this.#sort(channel));
  }

  /** @returns {boolean} whether values can be sent */
  get isOpen() {
    return this.#values?.open === true;
  }

  /** Open the channel for values; the other side hears of it. */
  begin() {
    this.#use(this.#rtc.createDataChannel(VALUES));
  }

  /** @param {unknown} value of the person */
  async send(value) {
    if (!this.#values) throw new WhisperError('not_connected');
    await this.#values.send(value);
  }

  /** @param {unknown} value for their program, not for the person */
  async tell(value) {
    this.#control ??= this.#openControl(this.#rtc.createDataChannel(CONTROL));
    await (await this.#control).send(value);
  }

  /** @returns {RTCDataChannel} a new one, for one file */
  forFile() {
    return this.#rtc.createDataChannel(FILE);
  }

  /** Close the channel for values after all that was sent, and wait a moment until the other has it. */
  async close() {
    this.#values?.close();
    await Promise.race([this.#values?.closed, pause(CLOSING_MS)]);
  }

  /** Say that the page goes: now, as a page that is unloading can wait for nothing. */
  leave() {
    this.#goodbye();
  }

  /** @param {RTCDataChannel} channel that the other has opened */
  #sort(channel) {
    if (channel.label === FILE) this.#ears.file(channel);
    else if (channel.label === CONTROL) this.#hearControl(channel);
    else if (channel.label === VALUES) this.#use(channel);
  }

  /** @param {RTCDataChannel} channel */
  #use(channel) {
    const opened = () => {
      if (this.#values) return channel.close(); // one is enough
      this.#values = new SealedChannel(channel, this.#keys(), 'message', {
        value: this.#ears.message,
        dropped: this.#ears.dropped,
        close: () => void pause(GOODBYE_MS).then(this.#ears.close),
      });
      this.#ears.open();
      for (const told of this.#early.splice(0)) this.#ears.control(told);
    };
    if (channel.readyState === 'open') opened();
    else channel.addEventListener('open', opened, { once: true });
  }

  /** @param {RTCDataChannel} channel theirs */
  #hearControl(channel) {
    const value = (/** @type {unknown} */ told) => {
      this.heardControl = true;
      if (this.#values) this.#ears.control(told);
      else this.#early.push(told); // channels have no order among each other
    };
    new SealedChannel(channel, this.#keys(), CONTROL, { value, dropped: this.#ears.dropped, close: () => undefined });
  }

  /**
   * @param {RTCDataChannel} channel ours
   * @returns {Promise<SealedChannel>} once it is open
   */
  async #openControl(channel) {
    const ears = { value: () => undefined, dropped: this.#ears.dropped, close: () => undefined };
    const sealed = new SealedChannel(channel, this.#keys(), CONTROL, ears);
    await new Promise((resolve) => {
      for (const name of ['open', 'close']) channel.addEventListener(name, resolve, { once: true });
    });
    this.#goodbye = await sealed.prepare({ bye: 'leaving' });
    return sealed;
  }
}
