/**
 * Quality of a call in words, from the statistics of its connection.
 * @module
 */

import { t } from './texts/translation.js';

/** @typedef {import('./state.js').App} App */
/** @typedef {import('./state.js').Chat} Chat */
/** @typedef {{lost: number, received: number, roundTripMs: number}} Sample */

/** What people begin to notice, and what hinders them: share of packets lost, and ms there and back. */
const FAIR = { lost: 0.03, roundTripMs: 300 };
const POOR = { lost: 0.1, roundTripMs: 700 };
const EVERY_MS = 2000;

/**
 * @param {Iterable<any>} reports of `RTCPeerConnection.getStats()`
 * @returns {Sample} sums since the connection began
 */
export function sampleOf(reports) {
  const sample = { lost: 0, received: 0, roundTripMs: 0 };
  for (const report of reports) {
    if (report.type === 'inbound-rtp') {
      sample.lost += report.packetsLost ?? 0;
      sample.received += report.packetsReceived ?? 0;
    }
    if (report.type === 'candidate-pair' && report.nominated) sample.roundTripMs = 1000 * (report.currentRoundTripTime ?? 0);
  }
  return sample;
}

/**
 * @param {Sample} before
 * @param {Sample} now
 * @returns {string}
 */
export function wordsOfQuality(before, now) {
  const lost = Math.max(0, now.lost - before.lost);
  const share = lost / Math.max(1, lost + now.received - before.received);
  if (share > POOR.lost || now.roundTripMs > POOR.roundTripMs) return t('quality.poor');
  return share > FAIR.lost || now.roundTripMs > FAIR.roundTripMs ? t('quality.fair') : t('quality.good');
}

/**
 * Keep the words in the chat up to date while there is voice or video.
 * @param {App} app
 * @param {Chat} chat
 * @param {import('./state.js').Peer} peer
 * @param {AbortSignal} signal ends it
 */
export function followQuality(app, chat, peer, signal) {
  let before = sampleOf([]);
  const look = async () => {
    if (!chat.since) return;
    const now = sampleOf((await peer.stats().catch(() => null))?.values() ?? []);
    chat.quality = now.received > before.received ? wordsOfQuality(before, now) : '';
    before = now;
    app.changed();
  };
  const timer = setInterval(() => void look(), EVERY_MS);
  signal.addEventListener('abort', () => clearInterval(timer));
}
