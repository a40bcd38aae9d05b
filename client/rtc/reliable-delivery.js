/**
 * Reliable, ordered delivery of values over successive connections, each exactly once.
 * @module
 */

import { deferred, pause } from '../promises.js';
import { WhisperError } from '../protocol/errors.js';
import { DeliveryTracker } from './delivery-tracker.js';
import { copyValue } from './value-copies.js';

/** @typedef {import('./connection.js').Connection} Connection */

/** Programs that are not ours say no hello. */
const HELLO_MS = 3_000;
/** How often we look whether their program has spoken. */
const LOOK_MS = 50;
/** So many messages are one receipt. */
const RECEIPT_MS = 50;

/** Reliable delivery to and from one peer. */
export class ReliableDelivery {
  /** @type {Connection} */ #connection;
  #tracker = new DeliveryTracker(crypto.randomUUID());
  #sending = false;
  #ready = true;
  #acknowledging = false;
  #takesBytes = false;
  #features;
  /** @type {unknown[]} of their app */ #theirFeatures = [];
  /** @type {import('../promises.js').Deferred<void>} when they have said hello, or will say none */ #greeted = deferred();
  #waiting = 0;
  /** @type {Promise<unknown>} of the values that wait until they can be sent */ #turn = Promise.resolve();
  /** @type {WhisperError | undefined} */ #ended;

  /**
   * @param {Connection} connection an open one
   * @param {string[]} [features] of my app
   */
  constructor(connection, features) {
    this.#connection = connection;
    this.#features = features;
    this.#greet();
    setTimeout(this.#greeted.resolve, HELLO_MS);
  }

  /** @returns {number} how many of my values have arrived */
  get delivered() {
    return this.#tracker.delivered;
  }

  /**
   * @param {unknown} value JSON or bytes
   * @returns {Promise<number>} its number, when it is on its way
   * @throws {WhisperError} `not_json`, `message_too_large`, `bytes_unsupported`, `unreadable_file` or `not_connected`
   */
  async send(value) {
    const content = copyValue(value);
    const isReady = !(content instanceof Promise) && (this.#takesBytes || !(content instanceof Uint8Array));
    if (isReady && this.#waiting === 0) return this.#add(content);
    this.#waiting += 1;
    const added = this.#turn.then(async () => {
      const ready = await this.#prepare(content).finally(() => (this.#waiting -= 1));
      return { sent: this.#add(ready) }; // the next need not wait until it has left
    });
    this.#turn = added.catch(() => undefined);
    return (await added).sent;
  }

  /**
   * @param {string} feature
   * @returns {Promise<boolean>} whether their app has said that it has it; answered in the order of asking
   */
  async supports(feature) {
    await this.#greeted.promise;
    return this.#theirFeatures.includes(feature);
  }

  /** A value of theirs has come. */
  countReceived() {
    this.#tracker.countReceived();
    this.#acknowledge();
  }

  /**
   * Go on over another connection: what has not arrived goes again, once they have said what has.
   * @param {Connection} connection an open one
   */
  moveTo(connection) {
    this.#connection = connection;
    this.#tracker.begin();
    this.#ready = false;
    this.#greet();
    setTimeout(() => this.#presume(connection), HELLO_MS);
  }

  /**
   * @param {any} value what their program tells ours
   * @returns {boolean} whether it was about values
   */
  onControl(value) {
    const { hello, received } = value ?? {};
    if (typeof hello?.session === 'string' && Number.isSafeInteger(hello.received)) {
      this.#takesBytes = hello.bytes === true;
      this.#theirFeatures = Array.isArray(hello.features) ? hello.features : [];
      this.#greeted.resolve();
      this.#tracker.onHello(hello);
      this.#resume(this.#connection);
      this.#acknowledge();
      return true;
    }
    if (!Number.isSafeInteger(received)) return false;
    this.#tracker.confirm(received);
    void this.#pump(); // there is room again
    return true;
  }

  /** @param {WhisperError} error why nothing can be sent any more */
  end(error) {
    this.#ended = error;
    this.#tracker.end(error);
  }

  /** @param {unknown} content to send; bytes are refused unless their program takes them */
  async #prepare(content) {
    const value = await content;
    if (!(value instanceof Uint8Array)) return value;
    await waitForHello(this.#connection);
    if (!this.#takesBytes) throw new WhisperError('bytes_unsupported');
    return value;
  }

  /**
   * @param {unknown} value
   * @returns {Promise<number>}
   */
  #add(value) {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      const number = this.#tracker.add(value, () => resolve(number), reject);
      void this.#pump();
    });
  }

  #greet() {
    this.#connection.sendControl({ hello: { ...this.#tracker.hello(), bytes: true, ...(this.#features && { features: this.#features }) } }).catch(() => undefined);
  }

  /** @param {Connection} connection whose hello has come, or should have */
  #resume(connection) {
    if (connection !== this.#connection || this.#ready) return;
    this.#ready = true;
    void this.#pump();
  }

  /** @param {Connection} connection over which no hello has come: a program that sends no receipts */
  #presume(connection) {
    if (connection !== this.#connection || this.#ready) return;
    this.#tracker.presume();
    this.#resume(connection);
  }

  /** Send what waits, one after the other; what a connection that is gone did not carry goes over the next one. */
  async #pump() {
    if (this.#sending) return;
    this.#sending = true;
    for (let item = this.#next(); item; item = this.#next()) {
      const connection = this.#connection;
      const gone = await connection.send(item.value).then(item.onSent, (error) => error);
      if (gone && connection === this.#connection) break;
    }
    this.#sending = false;
  }

  #next() {
    return this.#ready && this.#connection.isOpen ? this.#tracker.take() : undefined;
  }

  #acknowledge() {
    if (this.#acknowledging || !this.#tracker.isAgreed) return;
    this.#acknowledging = true;
    setTimeout(async () => {
      this.#acknowledging = false;
      if (!this.#tracker.isAgreed) return; // another connection has begun: its hello says more
      await this.#connection.sendControl({ received: this.#tracker.received }).catch(() => undefined);
    }, RECEIPT_MS);
  }
}

/**
 * Wait for the hello of the other program, or long enough.
 * @param {Connection} connection
 * @returns {Promise<boolean>} whether it has spoken
 */
export async function waitForHello(connection) {
  for (let waited = 0; waited < HELLO_MS && !connection.supportsControl; waited += LOOK_MS) await pause(LOOK_MS);
  return connection.supportsControl;
}
