/**
 * Coordination with the other windows of the origin: which dial one of them has dealt with, and with whom one of them is connected.
 * @module
 */

import { Emitter } from './emitter.js';
import { pause } from './promises.js';
import { WhisperError } from './protocol/errors.js';

const NAME = 'whisper';
/** The lock of a connection, which a browser lets go of when its window ends, however it ends. */
const LOCK = 'whisper-call';
/** A page that was reloaded takes a moment to be gone. */
const GONE_MS = 1000;
const LOOK_MS = 100;

/** Messages between windows: a dial is dealt with; connections have come or gone; a connection is about to be taken over.
 * @typedef {{handled?: string, changed?: true, takeOver?: string}} Told
 */

/**
 * Coordinator of windows. Fires `handled` with the signature of a dial, `takeover` with the address whose connection another window takes over, and `elsewhere`
 * when the others' connections have changed.
 * @extends {Emitter<{handled: string, takeover: string, elsewhere: null}>}
 */
export class WindowCoordinator extends Emitter {
  #channel = new BroadcastChannel(NAME);
  #id = crypto.randomUUID();
  #closed = new AbortController();
  /** @type {Map<string, () => void>} what lets go of each of our locks */ #held = new Map();
  /** @type {Set<string>} locks of other windows whose end we wait for */ #watched = new Set();
  /** @type {ReadonlySet<string>} with whom other windows are connected */ elsewhere = new Set();

  constructor() {
    super();
    this.#channel.addEventListener('message', ({ data }) => this.#onTold(data ?? {}));
    this.#look();
  }

  /** @param {string} signature of a dial that this window has dealt with */
  tellHandled(signature) {
    this.#tell({ handled: signature });
  }

  /**
   * Be the window that dials *address*.
   * @param {string} address
   * @param {boolean} takeOver whether the window that is connected is told to expect it
   * @throws {WhisperError} `in_another_window` when that has to stay, and stays
   */
  async claim(address, takeOver) {
    if (takeOver) this.#tell({ takeOver: address });
    else if (this.elsewhere.has(address) && (await this.#staysElsewhere(address))) throw new WhisperError('in_another_window');
  }

  /** @param {string} address with whom this window is connected until `release` */
  hold(address) {
    if (this.#held.has(address)) return;
    const held = new Promise((resolve) => this.#held.set(address, () => resolve(undefined)));
    const onHeld = () => {
      this.#tell({ changed: true });
      return held;
    };
    navigator.locks.request(`${LOCK} ${this.#id} ${address}`, onHeld).catch(() => undefined);
  }

  /** @param {string} address */
  release(address) {
    this.#held.get(address)?.();
    this.#held.delete(address);
  }

  /** Tell and hear no more. */
  close() {
    this.#closed.abort();
    this.#channel.close();
    for (const release of this.#held.values()) release();
  }

  /**
   * @param {string} address
   * @returns {Promise<boolean>} whether another window is connected with it, and stays so
   */
  async #staysElsewhere(address) {
    for (let waited = 0; waited <= GONE_MS; waited += LOOK_MS) {
      await this.#update();
      if (!this.elsewhere.has(address)) return false;
      await pause(LOOK_MS);
    }
    return true;
  }

  /** @param {Told} told */
  #tell(told) {
    if (!this.#closed.signal.aborted) this.#channel.postMessage(told);
  }

  /** @param {Told} told */
  #onTold({ handled, changed, takeOver }) {
    if (typeof handled === 'string') this.emit('handled', handled);
    if (typeof takeOver === 'string') this.emit('takeover', takeOver);
    if (changed) this.#look();
  }

  #look() {
    this.#update().catch(() => undefined); // a window that is about to end may ask no more
  }

  async #update() {
    const { held = [] } = await navigator.locks.query();
    const locks = held.map(({ name = '' }) => name).filter((name) => name.startsWith(`${LOCK} `) && name.split(' ')[1] !== this.#id);
    const before = [...this.elsewhere].join();
    this.elsewhere = new Set(locks.map((name) => String(name.split(' ')[2])).sort());
    if ([...this.elsewhere].join() !== before) this.emit('elsewhere', null);
    for (const name of locks) this.#awaitEnd(name);
  }

  /** @param {string} name of another window's lock: it is ours for a moment when that has let go of it */
  #awaitEnd(name) {
    if (this.#watched.has(name)) return;
    this.#watched.add(name);
    const onEnd = () => {
      this.#watched.delete(name);
      this.#look();
    };
    navigator.locks.request(name, { mode: 'shared', signal: this.#closed.signal }, () => undefined).then(onEnd, () => undefined);
  }
}
