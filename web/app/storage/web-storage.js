/**
 * Small values in `localStorage` and `sessionStorage`; where the browser refuses, they are forgotten.
 * @module
 */

/** @typedef {'whisper.off' | 'whisper.install-later' | 'whisper.connected' | 'whisper.keep' | 'whisper.name' | 'whisper.called' | 'whisper.read-marks' | 'whisper.session' | 'whisper.language' | `whisper.${'microphone' | 'camera' | 'speaker' | 'facing'}`} Key */

/** What belongs to one tab. */
const IN_TAB = ['whisper.connected', 'whisper.session'];

/**
 * @param {Key} key
 * @returns {string | null}
 */
export function recall(key) {
  try {
    return storeOf(key).getItem(key);
  } catch {
    return null;
  }
}

/**
 * @param {Key} key
 * @param {string | null} value null forgets it
 */
export function remember(key, value) {
  try {
    if (value === null) storeOf(key).removeItem(key);
    else storeOf(key).setItem(key, value);
  } catch {
    // Storage is blocked or full: the page works without.
  }
}

/** @param {Key} key */
function storeOf(key) {
  return IN_TAB.includes(key) ? sessionStorage : localStorage;
}
