/**
 * Ringtone, and the ringback tone that a caller hears, synthesised with Web Audio.
 * @module
 */

/** Notes: Hz, and when each begins, in seconds.
 * @typedef {{everyMs: number, length: number, notes: readonly (readonly [number, number])[]}} Tune
 */

/** @type {Tune} */
export const RINGTONE = { everyMs: 3000, length: 0.9, notes: [[587, 0], [880, 0.18]] };
/** As telephones have it. @type {Tune} */
export const RINGBACK = { everyMs: 4000, length: 1.2, notes: [[425, 0]] };
const VOLUME = 0.12;

/** Player of one tune at a time. */
export class Ringtone {
  /** @type {AudioContext | null} */
  #audio = null;
  #timer = 0;
  #tune;

  /** @param {Tune} tune */
  constructor(tune) {
    this.#tune = tune;
  }

  /**
   * Ring until told otherwise. A browser that wants a click first stays silent.
   * @param {boolean} isRinging
   */
  ring(isRinging) {
    if (isRinging === this.#timer > 0) return;
    clearInterval(this.#timer);
    this.#timer = 0;
    if (!isRinging) return;
    this.#timer = window.setInterval(() => this.#strike(), this.#tune.everyMs);
    this.#strike();
  }

  #strike() {
    if (!navigator.userActivation?.hasBeenActive) return;
    this.#audio ??= new AudioContext();
    if (this.#audio.state === 'suspended') this.#audio.resume().catch(() => undefined);
    for (const [frequency, delay] of this.#tune.notes) this.#playNote(this.#audio, frequency, this.#audio.currentTime + delay);
  }

  /**
   * @param {AudioContext} audio
   * @param {number} frequency
   * @param {number} at
   */
  #playNote(audio, frequency, at) {
    const volume = audio.createGain();
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(VOLUME, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, at + this.#tune.length);
    const tone = new OscillatorNode(audio, { frequency });
    tone.connect(volume).connect(audio.destination);
    tone.start(at);
    tone.stop(at + this.#tune.length);
  }
}
