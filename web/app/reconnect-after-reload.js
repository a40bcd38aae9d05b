/**
 * Reconnection after a page reload: the connected addresses, kept for a minute in the tab's `sessionStorage`.
 * @module
 */

import { isAddress } from '../client/whisper.js';
import { recall, remember } from './storage/web-storage.js';

/** Later than that it was no reload, and the other has gone. */
const MAX_AGE_MS = 60_000;

/**
 * Remember who is connected: call it when the page goes away, so that a copy of the tab remembers nobody.
 * @param {string[]} addresses
 */
export function rememberConnected(addresses) {
  if (addresses.length) remember('whisper.connected', JSON.stringify({ addresses, at: Date.now() }));
}

export function forgetConnected() {
  remember('whisper.connected', null);
}

/** @returns {string[]} the addresses that were connected a moment ago, once; none when a link or another page has led here */
export function takeConnected() {
  const text = recall('whisper.connected');
  forgetConnected();
  const [navigation] = performance.getEntriesByType('navigation');
  if (/** @type {PerformanceNavigationTiming | undefined} */ (navigation)?.type !== 'reload') return [];
  try {
    const { addresses, at } = JSON.parse(text ?? '{}');
    return Date.now() - at < MAX_AGE_MS ? addresses.filter(isAddress) : [];
  } catch {
    return [];
  }
}
