/**
 * Ringtone: two notes, synthesised with Web Audio.
 * @module
 */

const EVERY_MS = 3000;
/** Hz, and when each begins, in seconds. */
const NOTES = /** @type {const} */ ([
  [587, 0],
  [880, 0.18],
]);
const LENGTH = 0.9;
const VOLUME = 0.12;

export class Ringtone {
  /** @type {AudioContext | null} */
  #audio = null;
  #timer = 0;

  /**
   * Ring until told otherwise. A browser that wants a click first stays silent.
   * @param {boolean} isRinging
   */
  ring(isRinging) {
    if (isRinging === this.#timer > 0) return;
    clearInterval(this.#timer);
    this.#timer = 0;
    if (!isRinging) return;
    this.#timer = window.setInterval(() => this.#strike(), EVERY_MS);
    this.#strike();
  }

  #strike() {
    if (!navigator.userActivation?.hasBeenActive) return;
    this.#audio ??= new AudioContext();
    if (this.#audio.state === 'suspended') this.#audio.resume().catch(() => undefined);
    for (const [frequency, delay] of NOTES) this.#playNote(this.#audio, frequency, this.#audio.currentTime + delay);
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
    volume.gain.exponentialRampToValueAtTime(0.001, at + LENGTH);
    const tone = new OscillatorNode(audio, { frequency });
    tone.connect(volume).connect(audio.destination);
    tone.start(at);
    tone.stop(at + LENGTH);
  }
}
