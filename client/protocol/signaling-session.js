/**
 * Signaling state machine of one side of a connection, without I/O: order of the calls, glare, keys and decryption.
 *
 * The caller dials; the one who is dialled offers; the caller answers. When both dial at once (glare), the dial of the lower
 * address stands. Once the keys are agreed on, either side may offer again (new media, an ICE restart). Pushes have no order:
 * candidates may come before the description they belong to.
 * @module
 */

import { isLower } from './addresses.js';
import { Dropped } from './errors.js';
import { deriveKeys, seal, unseal } from './sealing.js';

/** @typedef {import('./messages.js').Call} Call */
/** @typedef {import('./sealing.js').Keys} Keys */
/** @typedef {import('./sealing.js').EncryptionKey} EncryptionKey */

/** Calls with candidates that may wait for the offer they belong to. */
const MAX_EARLY = 16;
/** Far more than a browser's descriptions have, with every codec and candidate. */
const MAX_SDP = 128 * 1024;
/** Far more than a machine has addresses, far less than a flood. */
const MAX_CANDIDATES = 64;
/** What of `RTCSdpType` one peer tells the other. */
const DESCRIPTIONS = ['offer', 'answer'];

/** Signaling between *me* and *them* since *since*, ms of the server's time. */
export class SignalingSession {
  #me;
  #them;
  #ours;
  #heardAt;
  /** @type {string | undefined} their encryption key */ #theirs;
  /** @type {Keys | undefined} */ #keys;
  /** @type {Call[]} */ #early = [];
  /** @type {'offer' | 'answer' | undefined} what only the other can say next */ awaited;

  /**
   * @param {string} me
   * @param {string} them
   * @param {EncryptionKey | Promise<EncryptionKey>} ours
   * @param {number} since
   */
  constructor(me, them, ours, since) {
    this.#me = me;
    this.#them = them;
    this.#ours = ours;
    this.#heardAt = since;
  }

  /** @returns {boolean} whether we give way when both dial, or both offer: our address is the higher */
  get isPolite() {
    return isLower(this.#them, this.#me);
  }

  /** @returns {Keys} */
  get keys() {
    if (!this.#keys) throw new Error('the keys are not agreed on yet');
    return this.#keys;
  }

  /** @returns {boolean} whether they have been heard */
  get isAgreed() {
    return this.#keys !== undefined;
  }

  /** @returns {string | undefined} the encryption key that they use */
  get theirKey() {
    return this.#theirs;
  }

  /**
   * Tell whether another device of theirs has answered the dial that one has answered before.
   * @param {Call} offer
   * @returns {Promise<boolean>}
   */
  async isLate(offer) {
    if (!this.isAgreed || offer.encryptionKey === this.#theirs) return false;
    const opened = this.#keysWith(offer).then(({ incoming }) => unseal(offer.method, offer.payload, incoming));
    return opened.then(() => true, () => false);
  }

  /**
   * @param {Call} dial
   * @returns {boolean} whether they have started anew: later, with another key, and not crossing a dial of ours
   */
  isReplacedBy(dial) {
    return dial.sentAt > this.#heardAt && dial.encryptionKey !== this.#theirs && this.awaited !== 'offer';
  }

  /**
   * @param {Call} close
   * @returns {boolean} whether it is about this connection: one that is older is about another
   */
  isEndedBy(close) {
    return close.sentAt >= this.#heardAt;
  }

  /**
   * Take a dial: the one that rang, or one that crossed ours.
   * @param {Call} dial
   * @throws {Dropped} when ours stands, or they have been heard before
   */
  async onDial(dial) {
    if (this.#theirs !== undefined) throw new Dropped('unexpected');
    if (this.awaited === 'offer' && !this.isPolite) throw new Dropped('glare');
    await this.#agree(dial);
    this.awaited = undefined;
  }

  /**
   * Open an offer or an answer.
   * @param {Call} call
   * @returns {Promise<RTCSessionDescriptionInit>}
   * @throws {Dropped} when it is not its turn, or not sealed for this connection
   */
  async onDescription(call) {
    const again = this.isAgreed && call.method === 'offer'; // a restart
    if (call.method !== this.awaited && !again) throw new Dropped('unexpected');
    const description = readDescription(call.method, await this.#open(call));
    if (call.method === this.awaited) this.awaited = undefined;
    return description;
  }

  /**
   * Open candidates; those that come before the offer are kept, see `early`.
   * @param {Call} call
   * @returns {Promise<RTCIceCandidateInit[]>}
   * @throws {Dropped}
   */
  async onCandidates(call) {
    if (this.isAgreed) return readCandidates(await this.#open(call));
    if (this.#early.length >= MAX_EARLY) throw new Dropped('busy');
    this.#early.push(call);
    return [];
  }

  /** @returns {Promise<RTCIceCandidateInit[]>} what came before the offer, once; what does not open is forgotten */
  async takeEarlyCandidates() {
    const opened = await Promise.allSettled(this.#early.splice(0).map((call) => this.onCandidates(call)));
    return opened.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  }

  /**
   * @param {string} method
   * @param {unknown} value
   * @returns {Promise<string>} sealed for them
   */
  seal(method, value) {
    return seal(method, value, this.keys.outgoing);
  }

  /** @param {Call} call */
  async #open(call) {
    if (this.#theirs !== undefined && call.encryptionKey !== this.#theirs) throw new Dropped('unexpected');
    const keys = this.#keys ?? (await this.#keysWith(call));
    const value = await unseal(call.method, call.payload, keys.incoming);
    this.#remember(call, keys); // only what was opened is theirs
    return value;
  }

  /** @param {Call} call */
  async #agree(call) {
    this.#remember(call, await this.#keysWith(call));
  }

  /**
   * @param {Call} call
   * @param {Keys} keys
   */
  #remember(call, keys) {
    this.#theirs = call.encryptionKey;
    this.#keys = keys;
    this.#heardAt = Math.max(this.#heardAt, call.sentAt);
  }

  /** @param {Call} call */
  async #keysWith(call) {
    const { publicKey, privateKey } = await this.#ours;
    const me = { address: this.#me, encryptionKey: publicKey };
    return deriveKeys(privateKey, me, { address: this.#them, encryptionKey: call.encryptionKey });
  }
}

/**
 * @param {unknown} method
 * @param {unknown} value
 * @returns {RTCSessionDescriptionInit}
 * @throws {Dropped}
 */
export function readDescription(method, value) {
  const { type, sdp } = /** @type {Record<string, unknown>} */ (value ?? {});
  if (type !== method || !DESCRIPTIONS.includes(String(type)) || typeof sdp !== 'string') throw new Dropped('broken_seal');
  if (sdp.length > MAX_SDP) throw new Dropped('busy');
  return { type: /** @type {RTCSdpType} */ (type), sdp };
}

/**
 * @param {unknown} value
 * @returns {RTCIceCandidateInit[]}
 * @throws {Dropped}
 */
export function readCandidates(value) {
  const few = Array.isArray(value) && value.length <= MAX_CANDIDATES;
  const sound = few && value.every((one) => typeof one?.candidate === 'string');
  if (!sound) throw new Dropped('broken_seal');
  return value.map(({ candidate, sdpMid = null, sdpMLineIndex = null }) => ({ candidate, sdpMid, sdpMLineIndex }));
}
