/**
 * Wake lock: the screen stays on while there is video.
 * @module
 */

/** @type {WakeLockSentinel | null} */
let lock = null;
let isAsking = false;

/**
 * Keep the screen on, or let it go. A hidden page loses its lock: call this again when it is seen.
 * @param {boolean} isNeeded
 */
export async function keepAwake(isNeeded) {
  if (!isNeeded) {
    void lock?.release();
    lock = null;
  }
  const isHeld = lock !== null && !lock.released;
  if (!isNeeded || isHeld || isAsking || document.hidden || !('wakeLock' in navigator)) return;
  isAsking = true;
  lock = await navigator.wakeLock.request('screen').catch(() => null); // a low battery may forbid it
  isAsking = false;
}
