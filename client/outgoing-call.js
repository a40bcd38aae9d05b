/**
 * Outgoing call: it rings until somebody answers, it is cancelled, or nobody has answered in time.
 * @module
 */

import { WhisperError } from './protocol/errors.js';

/** How long it rings: a phone must wake, and a person find it. */
const RINGING_MS = 45_000;

/**
 * Dial over a connection that has just been made.
 * @param {import('./rtc/connection.js').Connection} connection
 * @param {AbortSignal} signal cancels it
 * @param {{timeout?: number, onRinging?: () => void}} options `timeout` in ms; `onRinging`: their push service has taken the dial
 * @returns {() => void} stop waiting: it is open, or has ended
 */
export function ring(connection, signal, { timeout = RINGING_MS, onRinging = () => undefined }) {
  /** @param {import('./protocol/errors.js').Code} code */
  const giveUp = (code) => {
    if (connection.hasEnded || connection.isOpen) return;
    connection.close(new WhisperError(code));
    void connection.hangUp(false); // their phone need not ring any more
  };
  const cancel = () => giveUp('cancelled');
  const late = setTimeout(() => connection.session.awaited === 'offer' && giveUp('no_answer'), timeout);
  signal.addEventListener('abort', cancel);
  connection.dial().then(onRinging, (error) => {
    if (connection.session.awaited === 'offer') connection.close(error); // else they have rung as well: theirs is answered
  });
  return () => {
    clearTimeout(late);
    signal.removeEventListener('abort', cancel);
  };
}

/**
 * Share *stream* with who is connected now. A program that takes none is connected all the same.
 * @param {import('./peer.js').Peer} peer
 * @param {MediaStream | null | undefined} stream
 * @param {(error: WhisperError) => void} onFailed
 * @returns {Promise<import('./peer.js').Peer>}
 */
export async function shareWith(peer, stream, onFailed) {
  if (stream) await peer.share(stream).catch(onFailed);
  return peer;
}
