/**
 * The other windows of the origin: they are told which dial is dealt with.
 * @module
 */

import { Emitter } from './emitter.js';

const NAME = 'whisper';

/**
 * Fires `handled` with the signature of a dial that another window has dealt with.
 * @extends {Emitter<{handled: string}>}
 */
export class Windows extends Emitter {
  #channel = new BroadcastChannel(NAME);

  constructor() {
    super();
    this.#channel.addEventListener('message', ({ data }) => typeof data?.handled === 'string' && this.emit('handled', data.handled));
  }

  /** @param {string} signature of a dial that this window has dealt with */
  tellHandled(signature) {
    this.#channel.postMessage({ handled: signature });
  }

  /** Tell and hear no more. */
  close() {
    this.#channel.close();
  }
}
