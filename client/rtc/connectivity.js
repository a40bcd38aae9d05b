/**
 * Connectivity monitor of one `RTCPeerConnection`: a network that is lost, and one that is back.
 * @module
 */

import { Emitter } from '../emitter.js';

/** ICE says 'disconnected' for a moment on every bad network. */
const PATIENCE_MS = 2_500;

/**
 * Connectivity monitor. Fires `lost` when no packet has come for a while, once, and `back`.
 * @extends {Emitter<{lost: null, back: null}>}
 */
export class ConnectivityMonitor extends Emitter {
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #patience;
  #isLost = false;

  /** @param {RTCPeerConnection} rtc */
  constructor(rtc) {
    super();
    rtc.addEventListener('connectionstatechange', () => this.#onChange(rtc.connectionState));
  }

  /** Watch no more. */
  stop() {
    clearTimeout(this.#patience);
  }

  /** @param {RTCPeerConnectionState} state */
  #onChange(state) {
    clearTimeout(this.#patience);
    if (state === 'connected' && this.#isLost) {
      this.#isLost = false;
      this.emit('back', null);
    } else if (state === 'failed') {
      this.#lose();
    } else if (state === 'disconnected') {
      this.#patience = setTimeout(() => this.#lose(), PATIENCE_MS);
    }
  }

  #lose() {
    if (this.#isLost) return;
    this.#isLost = true;
    this.emit('lost', null);
  }
}
