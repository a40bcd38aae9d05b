/**
 * Perfect negotiation (W3C WebRTC) of one `RTCPeerConnection`: descriptions and candidates go by push until there is a connection,
 * over it from then on.
 * @module
 */

import { Emitter } from '../emitter.js';
import { Dropped, WhisperError } from '../protocol/errors.js';
import { extensionsOf, withoutConflicts } from './header-extensions.js';

/** Send one by the server.
 * @typedef {(method: 'offer' | 'answer' | 'ice', value: unknown) => Promise<void>} Push
 */

/** First candidates ride in the SDP; a STUN or TURN server slower than this has its candidates sent after it. */
const GATHERING_MS = 800;
/** Candidates that come within this go together. */
const BATCH_MS = 250;

/** Candidates of theirs for one description; more is a flood. */
const MAX_THEIRS = 512;

/**
 * Negotiation of one side. Fires `failed` with an error that nobody waits for.
 * @extends {Emitter<{failed: unknown}>}
 */
export class Negotiation extends Emitter {
  #rtc;
  #channels;
  #session;
  #push;
  /** @type {RTCIceCandidateInit[]} theirs, before the description they belong to */ #held = [];
  /** @type {RTCIceCandidateInit[]} ours, after the description was sent */ #late = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #batch;
  #theirs = 0;
  #isTrickling = false;
  #isOffering = false;
  /** @type {Promise<void>} our latest description is set */ #described = Promise.resolve();
  /** @type {Map<string, string>} the header extensions of our offers that gave way to theirs */ #withdrawn = new Map();

  /**
   * @param {RTCPeerConnection} rtc
   * @param {import('./channels.js').Channels} channels
   * @param {import('../protocol/signaling-session.js').SignalingSession} session
   * @param {Push} push
   */
  constructor(rtc, channels, session, push) {
    super();
    this.#rtc = rtc;
    this.#channels = channels;
    this.#session = session;
    this.#push = push;
    rtc.addEventListener('negotiationneeded', () => this.#inBackground(this.#offer()));
    rtc.addEventListener('icecandidate', ({ candidate }) => this.#collect(candidate));
  }

  /** @returns {boolean} whether the connection itself can carry them */
  get #isDirect() {
    return this.#channels.supportsControl && this.#rtc.connectionState === 'connected';
  }

  /**
   * Use their description, and answer an offer by the way that it came: another may be broken, and nobody knows yet.
   * @param {RTCSessionDescriptionInit} theirs
   * @param {boolean} direct whether it came over the connection
   */
  async applyRemoteDescription(theirs, direct) {
    const collision = theirs.type === 'offer' && (this.#isOffering || this.#rtc.signalingState !== 'stable');
    if (collision && !this.#session.isPolite) return;
    if (collision) await this.#noteWithdrawn();
    await this.#rtc.setRemoteDescription(theirs.type === 'offer' ? { ...theirs, sdp: withoutConflicts(theirs.sdp ?? '', this.#withdrawn) } : theirs);
    this.#theirs = this.#held.length;
    await this.addCandidates([]);
    if (theirs.type !== 'offer') return;
    await this.#describe();
    await this.#sendDescription(direct);
  }

  /**
   * Note what our offer numbers, before theirs takes its place: Chromium goes on with these numbers, and of an offer with others
   * of another browser it says `RTP extension ID reassignment not supported`, as of every description after it.
   */
  async #noteWithdrawn() {
    await this.#described.catch(() => undefined); // who set it is told
    for (const [number, uri] of extensionsOf(this.#rtc.pendingLocalDescription?.sdp ?? '')) this.#withdrawn.set(number, uri);
  }

  /**
   * Use their candidates, now or once their description is there.
   * @param {RTCIceCandidateInit[]} candidates
   */
  async addCandidates(candidates) {
    this.#theirs += candidates.length;
    if (this.#theirs > MAX_THEIRS) throw new Dropped('busy');
    this.#held.push(...candidates);
    if (!this.#rtc.remoteDescription) return;
    // One that this browser does not understand is one way less, and no reason to give up the others.
    await Promise.allSettled(this.#held.splice(0).map((candidate) => this.#rtc.addIceCandidate(candidate)));
  }

  /** @param {Promise<void>} work that nobody waits for */
  #inBackground(work) {
    work.catch((error) => this.emit('failed', error));
  }

  /** Send nothing any more. */
  stop() {
    clearTimeout(this.#batch);
    this.#isTrickling = false;
  }

  async #offer() {
    const direct = this.#isDirect;
    this.#isOffering = true;
    await this.#describe().finally(() => void (this.#isOffering = false)); // from then on the state tells: a push may end after their answer has come, and their next offer
    await this.#sendDescription(direct);
  }

  #describe() {
    this.#isTrickling = false;
    this.#described = this.#rtc.setLocalDescription();
    return this.#described;
  }

  /** @param {boolean} direct */
  async #sendDescription(direct) {
    const made = this.#rtc.localDescription?.type;
    if (!direct) await waitForGathering(this.#rtc);
    if (made === 'offer' && this.#rtc.signalingState !== 'have-local-offer') return; // theirs came meanwhile, and stands
    const { type, sdp } = /** @type {{type: 'offer' | 'answer', sdp: string}} */ (this.#rtc.localDescription);
    this.#isTrickling = true; // in the same step: each candidate is either in the description or after it
    if (direct) return this.#channels.sendControl({ description: { type, sdp } });
    await this.#pushDescription(type, sdp);
  }

  /**
   * Send a description; when it is too large for a push with its candidates, these follow it.
   * @param {'offer' | 'answer'} type
   * @param {string} sdp
   */
  async #pushDescription(type, sdp) {
    try {
      await this.#push(type, { type, sdp });
    } catch (error) {
      const { bare, candidates } = splitCandidates(sdp);
      if (!isTooLarge(error) || candidates.length === 0) throw error;
      await this.#push(type, { type, sdp: bare });
      await this.#pushCandidates(candidates);
    }
  }

  /** @param {RTCIceCandidate | null} candidate */
  #collect(candidate) {
    if (!candidate?.candidate || !this.#isTrickling) return; // that there are no more is not worth a push
    this.#late.push(candidate.toJSON());
    this.#batch ??= setTimeout(() => this.#inBackground(this.#flush()), BATCH_MS);
  }

  async #flush() {
    this.#batch = undefined;
    const candidates = this.#late.splice(0);
    if (this.#isDirect) return this.#channels.sendControl({ candidates });
    await this.#pushCandidates(candidates);
  }

  /** @param {RTCIceCandidateInit[]} candidates */
  async #pushCandidates(candidates) {
    try {
      await this.#push('ice', candidates);
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
export function splitCandidates(sdp) {
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
async function waitForGathering(rtc) {
  const complete = () => rtc.iceGatheringState === 'complete' && rtc.localDescription?.sdp.includes('a=candidate:');
  if (complete()) return;
  const waiting = new AbortController();
  const late = setTimeout(() => waiting.abort(), GATHERING_MS);
  rtc.addEventListener('icegatheringstatechange', () => complete() && waiting.abort(), { signal: waiting.signal });
  await new Promise((resolve) => waiting.signal.addEventListener('abort', resolve));
  clearTimeout(late);
}
