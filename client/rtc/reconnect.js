/**
 * Recovery of a lost connection: ICE restart, then a new connection, then failure.
 * @module
 */

import { pause } from '../promises.js';
import { WhisperError } from '../protocol/errors.js';

/** ICE finds another way within this, or not at all. */
const RESTART_MS = 10_000;
/** Who gives way in a collision waits longer before ringing; so do both between two tries. */
const POLITE_MS = 5_000;
/** Then it is over. */
const RECONNECT_MS = 60_000;
/** Refusals that another dial does not change. */
const FINAL = ['declined', 'unknown_recipient', 'recipient_gone'];

/**
 * @param {object} tools
 * @param {boolean} tools.isPolite whether we give way in a collision
 * @param {() => boolean} tools.isLost
 * @param {() => void} tools.restart
 * @param {() => Promise<unknown>} tools.redial
 * @returns {Promise<WhisperError | null>} why it is over, null when it is not
 */
export async function reconnect({ isPolite, isLost, restart, redial }) {
  const deadline = performance.now() + RECONNECT_MS;
  if (!isPolite) restart();
  await pause(RESTART_MS + (isPolite ? POLITE_MS : 0));
  while (isLost() && performance.now() < deadline) {
    const failure = await redial().then(() => null, (error) => error);
    if (FINAL.includes(failure?.code) && isLost()) return failure;
    await pause(POLITE_MS);
  }
  return isLost() ? new WhisperError('connection_lost') : null;
}
