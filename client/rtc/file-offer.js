/**
 * Offers of files: the channel of each, and the header that a stranger sends over it.
 * @module
 */

import { WhisperError } from '../protocol/errors.js';
import { SealedChannel } from './sealed-channel.js';

/** The keys of the connection, what may wait on it, and whether it is there.
 * @typedef {{keys: import('../protocol/sealing.js').Keys, budget: import('./byte-budget.js').ByteBudget, isOpen: () => boolean}} Carrier
 */
/** Header of an offer: of whoever can go on with it, with an id.
 * @typedef {{name: string, type: string, size: number, id?: string}} Header
 */

const MAX_NAME = 255;
const METHOD = 'file';

/**
 * Wait for the header of a file that the other offers.
 * @param {RTCDataChannel} channel
 * @param {Carrier} carrier
 * @returns {Promise<{header: Header, sealed: SealedChannel}>} rejects when the channel closes before
 */
export function readOffer(channel, carrier) {
  const sealed = openFileChannel(channel, carrier);
  const heard = new AbortController();
  return new Promise((resolve, reject) => {
    const onValue = (/** @type {{value: any}} */ { value }) => {
      if (!isOffset(value?.size, Infinity)) return;
      heard.abort();
      resolve({ header: { name: text(value.name), type: text(value.type), size: value.size, id: text(value.id) || undefined }, sealed });
    };
    sealed.on('value', onValue, heard.signal);
    sealed.on('close', () => reject(new WhisperError('transfer_cancelled')), heard.signal);
  });
}

/**
 * @param {RTCDataChannel} channel
 * @param {Carrier} carrier
 */
export function openFileChannel(channel, { keys, budget }) {
  return new SealedChannel(channel, keys, { method: METHOD, budget, raw: true });
}

/**
 * @param {unknown} value
 * @param {number} most
 * @returns {value is number}
 */
export function isOffset(value, most) {
  return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= most;
}

/** @param {unknown} value of a stranger's header */
function text(value) {
  return typeof value === 'string' ? value.slice(0, MAX_NAME) : '';
}
