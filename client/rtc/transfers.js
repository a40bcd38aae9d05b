/**
 * File transfers under way with one peer, in both directions, over successive connections.
 * @module
 */

import { pause } from '../promises.js';
import { readOffer } from './file-offer.js';
import { Transfer } from './file-transfer.js';
import { waitForHello } from './reliable-delivery.js';

/** @typedef {import('./connection.js').Connection} Connection */

/** Who reconnects offers again at once; a page that was reloaded never does. */
const RESUME_MS = 15_000;
/** More are not under way at once. */
const MAX_RECEIVED = 64;

/** Set of the file transfers that have not ended. */
export class Transfers {
  /** @type {Set<Transfer>} */ #underWay = new Set();
  /** Ids of files that have come, of which they may not know yet. @type {string[]} */ #received = [];

  /**
   * @param {Blob} file
   * @param {Connection} connection an open one
   */
  offer(file, connection) {
    const { type, size } = file;
    const transfer = new Transfer('out', { name: file instanceof File ? file.name : '', type, size, id: crypto.randomUUID() }, file);
    transfer.bind(connection.channels.createFileChannel(), carrierOf(connection));
    return this.#track(transfer);
  }

  /**
   * Wait for what the other offers.
   * @param {RTCDataChannel} channel
   * @param {Connection} connection
   * @returns {Promise<Transfer | undefined>} undefined for one that goes on; rejects when the channel closes before
   */
  async receiveOffer(channel, connection) {
    const carrier = carrierOf(connection);
    const { header, sealed } = await readOffer(channel, carrier);
    if (header.id !== undefined && this.#received.includes(header.id)) return void (await sealed.send({ received: header.size })); // they have not heard
    const known = [...this.#underWay].find(({ direction, id, size }) => direction === 'in' && id !== undefined && id === header.id && size === header.size);
    const transfer = known ?? new Transfer('in', header);
    transfer.bind(channel, carrier, sealed);
    return known ? undefined : this.#track(transfer);
  }

  /**
   * Go on over another connection.
   * @param {Connection} connection an open one
   */
  async moveTo(connection) {
    const before = [...this.#underWay];
    const waiting = before.filter(({ direction }) => direction === 'in').map((transfer) => ({ transfer, since: transfer.bindings }));
    await waitForHello(connection); // before, their program may not listen yet
    if (!connection.isOpen) return;
    for (const transfer of before) {
      if (transfer.direction === 'out') transfer.bind(connection.channels.createFileChannel(), carrierOf(connection));
    }
    await pause(RESUME_MS);
    for (const { transfer, since } of waiting) if (transfer.bindings === since) transfer.lose();
  }

  /** The connection is gone for good. */
  loseAll() {
    for (const transfer of this.#underWay) transfer.lose();
  }

  /** @param {Transfer} transfer */
  #track(transfer) {
    this.#underWay.add(transfer);
    const forget = () => {
      this.#underWay.delete(transfer);
      if (transfer.state === 'done' && transfer.direction === 'in' && transfer.id !== undefined) this.#received = [transfer.id, ...this.#received].slice(0, MAX_RECEIVED);
    };
    transfer.done.then(forget, forget);
    return transfer;
  }
}

/**
 * @param {Connection} connection
 * @returns {import('./file-offer.js').Carrier} for a channel of it
 */
function carrierOf(connection) {
  const { session, channels } = connection;
  return { keys: session.keys, budget: channels.budget, isOpen: () => connection.isOpen };
}
