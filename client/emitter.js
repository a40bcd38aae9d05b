/**
 * Typed events between the parts of the client: an `EventTarget` whose events carry one value each.
 * @module
 */

/**
 * `EventTarget` with typed events.
 * @template {Record<string, any>} Events the value that each type of event carries
 */
export class Emitter extends EventTarget {
  /**
   * @template {keyof Events & string} K
   * @param {K} type
   * @param {Events[K]} value
   */
  emit(type, value) {
    this.dispatchEvent(new CustomEvent(type, { detail: value }));
  }

  /**
   * @template {keyof Events & string} K
   * @param {K} type
   * @param {(value: Events[K]) => void} listener
   * @param {AbortSignal} [signal] ends it
   */
  on(type, listener, signal) {
    this.addEventListener(type, (event) => listener(/** @type {CustomEvent} */ (event).detail), { signal });
  }
}
