/**
 * File transfers under way with one peer, in both directions.
 * @module
 */

import { Transfer } from './file-transfer.js';

/** @typedef {import('./connection.js').Connection} Connection */

/** Transfers that have not ended. */
export class Transfers {
  /** @type {Set<Transfer>} */ #underWay = new Set();

  /**
   * @param {Blob} file
   * @param {Connection} connection an open one
   */
  offer(file, connection) {
    return this.#track(Transfer.offer(file, connection.channels.createFileChannel(), sealOf(connection)));
  }

  /**
   * Wait for what the other offers.
   * @param {RTCDataChannel} channel
   * @param {Connection} connection
   * @returns {Promise<Transfer>} rejects when the channel closes before
   */
  async receiveOffer(channel, connection) {
    return this.#track(await Transfer.receiveOffer(channel, sealOf(connection)));
  }

  /** The connection is gone for good. */
  loseAll() {
    for (const transfer of this.#underWay) transfer.lose();
  }

  /** @param {Transfer} transfer */
  #track(transfer) {
    this.#underWay.add(transfer);
    const forget = () => this.#underWay.delete(transfer);
    transfer.done.then(forget, forget);
    return transfer;
  }
}

/**
 * @param {Connection} connection
 * @returns {import('./file-transfer.js').Seal} for a channel of it
 */
function sealOf({ session, channels }) {
  return { keys: session.keys, budget: channels.budget };
}
