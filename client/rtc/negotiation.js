/**
 * Descriptions and candidates of one `RTCPeerConnection` (W3C WebRTC, "perfect negotiation"): by push until there is a connection,
 * over it from then on.
 * @module
 */

import { WhisperError } from '../protocol/errors.js';

/** How descriptions and candidates travel.
 * @typedef {object} Transport
 * @property {() => boolean} direct whether the connection itself can carry them
 * @property {(value: {description?: RTCSessionDescriptionInit, candidates?: RTCIceCandidateInit[]}) => Promise<void>} tell over it
 * @property {(method: 'offer' | 'answer' | 'ice', value: unknown) => Promise<void>} push by the server
 * @property {() => boolean} polite whether we give way when both offer
 * @property {(error: unknown) => void} failed
 */

/** First candidates ride in the SDP; a STUN or TURN server slower than this has its candidates sent after it. */
const GATHERING_MS = 800;
/** Candidates that come within this go together. */
const BATCH_MS = 250;

/** One side of the negotiation. */
export class Negotiation {
  #rtc;
  #transport;
  /** @type {RTCIceCandidateInit[]} theirs, before the description they belong to */ #held = [];
  /** @type {RTCIceCandidateInit[]} ours, after the description was sent */ #late = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #batch;
  #trickling = false;
  #offering = false;

  /**
   * @param {RTCPeerConnection} rtc
   * @param {Transport} transport
   */
  constructor(rtc, transport) {
    this.#rtc = rtc;
    this.#transport = transport;
    rtc.addEventListener('negotiationneeded', () => this.#offer().catch(transport.failed));
    rtc.addEventListener('icecandidate', ({ candidate }) => this.#keep(candidate));
  }

  /**
   * Use their description, and answer an offer by the way that it came: another may be broken, and nobody knows yet.
   * @param {RTCSessionDescriptionInit} theirs
   * @param {boolean} direct whether it came over the connection
   */
  async describe(theirs, direct) {
    const collision = theirs.type === 'offer' && (this.#offering || this.#rtc.signalingState !== 'stable');
    if (collision && !this.#transport.polite()) return;
    await this.#rtc.setRemoteDescription(theirs);
    await this.addCandidates([]);
    if (theirs.type === 'offer') await this.#describeUs(direct);
  }

  /**
   * Use their candidates, now or once their description is there.
   * @param {RTCIceCandidateInit[]} candidates
   */
  async addCandidates(candidates) {
    this.#held.push(...candidates);
    if (!this.#rtc.remoteDescription) return;
    // One that this browser does not understand is one way less, and no reason to give up the others.
    await Promise.allSettled(this.#held.splice(0).map((candidate) => this.#rtc.addIceCandidate(candidate)));
  }

  /** Send nothing any more. */
  stop() {
    clearTimeout(this.#batch);
    this.#trickling = false;
  }

  async #offer() {
    try {
      this.#offering = true;
      await this.#describeUs(this.#transport.direct());
    } finally {
      this.#offering = false;
    }
  }

  /** @param {boolean} direct */
  async #describeUs(direct) {
    this.#trickling = false;
    await this.#rtc.setLocalDescription();
    const made = this.#rtc.localDescription?.type;
    if (!direct) await gathered(this.#rtc);
    if (made === 'offer' && this.#rtc.signalingState !== 'have-local-offer') return; // theirs came meanwhile, and stands
    const { type, sdp } = /** @type {{type: 'offer' | 'answer', sdp: string}} */ (this.#rtc.localDescription);
    this.#trickling = true; // in the same step: each candidate is either in the description or after it
    if (direct) return this.#transport.tell({ description: { type, sdp } });
    await this.#push(type, sdp);
  }

  /**
   * Send a description; when it is too large for a push with its candidates, these follow it.
   * @param {'offer' | 'answer'} type
   * @param {string} sdp
   */
  async #push(type, sdp) {
    try {
      await this.#transport.push(type, { type, sdp });
    } catch (error) {
      const { bare, candidates } = takeOut(sdp);
      if (!isTooLarge(error) || candidates.length === 0) throw error;
      await this.#transport.push(type, { type, sdp: bare });
      await this.#pushCandidates(candidates);
    }
  }

  /** @param {RTCIceCandidate | null} candidate */
  #keep(candidate) {
    if (!candidate?.candidate || !this.#trickling) return; // that there are no more is not worth a push
    this.#late.push(candidate.toJSON());
    this.#batch ??= setTimeout(() => this.#flush().catch(this.#transport.failed), BATCH_MS);
  }

  async #flush() {
    this.#batch = undefined;
    const candidates = this.#late.splice(0);
    if (this.#transport.direct()) return this.#transport.tell({ candidates });
    await this.#pushCandidates(candidates);
  }

  /** @param {RTCIceCandidateInit[]} candidates */
  async #pushCandidates(candidates) {
    try {
      await this.#transport.push('ice', candidates);
    } catch (error) {
      if (!isTooLarge(error) || candidates.length < 2) throw error;
      const half = candidates.length >> 1;
      await this.#pushCandidates(candidates.slice(0, half));
      await this.#pushCandidates(candidates.slice(half));
    }
  }
}

/**
 * Take the candidates out of a description.
 * @param {string} sdp
 * @returns {{bare: string, candidates: RTCIceCandidateInit[]}}
 */
export function takeOut(sdp) {
  const candidates = /** @type {RTCIceCandidateInit[]} */ ([]);
  const kept = [];
  let section = -1;
  for (const line of sdp.split('\r\n')) {
    if (line.startsWith('m=')) section += 1;
    // A browser spells a section's mid after its candidates: the index alone is sure, and enough.
    if (line.startsWith('a=candidate:')) candidates.push({ candidate: line.slice(2), sdpMLineIndex: section, sdpMid: null });
    else if (line !== 'a=end-of-candidates') kept.push(line);
  }
  return { bare: kept.join('\r\n'), candidates };
}

/** @param {unknown} error */
function isTooLarge(error) {
  return error instanceof WhisperError && error.code === 'message_too_large';
}

/**
 * Wait until the candidates are in the description, or long enough.
 * @param {RTCPeerConnection} rtc
 */
async function gathered(rtc) {
  const complete = () => rtc.iceGatheringState === 'complete' && rtc.localDescription?.sdp.includes('a=candidate:');
  if (complete()) return;
  const waiting = new AbortController();
  const late = setTimeout(() => waiting.abort(), GATHERING_MS);
  rtc.addEventListener('icegatheringstatechange', () => complete() && waiting.abort(), { signal: waiting.signal });
  await new Promise((resolve) => waiting.signal.addEventListener('abort', resolve));
  clearTimeout(late);
}
