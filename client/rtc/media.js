/**
 * Audio and video tracks of a connection, in both directions.
 * @module
 */

import { WhisperError } from '../protocol/errors.js';

/** @typedef {'audio' | 'video'} Kind */

/** What `getUserMedia` rejects with, as far as it says what to do. @type {Readonly<Record<string, import('../protocol/errors.js').Code>>} */
const FAULTS = Object.freeze({
  NotAllowedError: 'media_denied',
  SecurityError: 'media_denied',
  NotFoundError: 'media_not_found',
  OverconstrainedError: 'media_not_found',
  NotReadableError: 'media_busy',
  AbortError: 'media_busy',
});

const KINDS = /** @type {const} */ (['audio', 'video']);

/**
 * Ask for the microphone, the camera, or both, and use them; where that fails, they are let go of.
 * @template T
 * @param {MediaStreamConstraints} wanted
 * @param {(stream: MediaStream) => Promise<T>} use
 * @returns {Promise<T>}
 * @throws {WhisperError} `media_denied`, `media_not_found`, `media_busy` or `media_unavailable`
 */
export async function withDevices(wanted, use) {
  const stream = await openDevices(wanted);
  return use(stream).catch((error) => {
    for (const track of stream.getTracks()) track.stop();
    throw error;
  });
}

/** @param {MediaStreamConstraints} wanted */
async function openDevices(wanted) {
  try {
    return await navigator.mediaDevices.getUserMedia(wanted);
  } catch (cause) {
    const { name } = /** @type {{name: string}} */ (cause); // not each is an Error in every browser
    throw new WhisperError(FAULTS[name] ?? 'media_unavailable', { cause });
  }
}

/** Media of one `RTCPeerConnection`. */
export class Media {
  #rtc;
  #changed;
  /** @type {Map<Kind, RTCRtpTransceiver>} those that we send with */ #senders = new Map();
  /** What the other shares; it may have no tracks. */
  remote = new MediaStream();

  /**
   * @param {RTCPeerConnection} rtc
   * @param {() => void} changed tracks of the other came or went
   */
  constructor(rtc, changed) {
    this.#rtc = rtc;
    this.#changed = changed;
  }

  /**
   * Send the tracks of *stream* instead of what was sent before; null sends nothing.
   * @param {MediaStream | null} stream
   */
  async share(stream) {
    for (const kind of KINDS) {
      const track = stream?.getTracks().find((one) => one.kind === kind) ?? null;
      const sender = this.#senders.get(kind) ?? this.#findUnused(kind);
      if (sender) {
        await sender.sender.replaceTrack(track);
        sender.direction = track ? 'sendrecv' : 'recvonly';
        this.#senders.set(kind, sender);
      } else if (track) {
        this.#senders.set(kind, this.#rtc.addTransceiver(track, { direction: 'sendrecv' }));
      }
    }
  }

  /** @param {RTCTrackEvent} event */
  onTrack({ track }) {
    for (const name of ['mute', 'unmute', 'ended']) track.addEventListener(name, () => this.#sort(track));
    this.#sort(track);
  }

  /** @param {MediaStreamTrack} track that comes when it is live and sends, and goes when it does not */
  #sort(track) {
    const sends = track.readyState === 'live' && !track.muted;
    if (sends === this.remote.getTracks().includes(track)) return;
    if (sends) this.remote.addTrack(track);
    else this.remote.removeTrack(track);
    this.#changed();
  }

  /** @param {Kind} kind */
  #findUnused(kind) {
    return this.#rtc.getTransceivers().find((one) => one.receiver.track.kind === kind && !one.sender.track && one.direction !== 'stopped');
  }
}
