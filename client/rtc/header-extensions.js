/**
 * RTP header extensions (RFC 8285) of session descriptions: which number stands for which. Pure.
 * @module
 */

const LINE = /^a=extmap:(\d+)(?:\/\w+)? (\S+).*\r\n/gm;

/**
 * @param {string} sdp
 * @returns {Map<string, string>} the URI that each number stands for
 */
export function extensionsOf(sdp) {
  return new Map(Array.from(sdp.matchAll(LINE), ([, number, uri]) => [number, uri]));
}

/**
 * Leave extensions out whose number stands for another: nothing needs them.
 * @param {string} sdp
 * @param {ReadonlyMap<string, string>} taken
 * @returns {string}
 */
export function withoutConflicts(sdp, taken) {
  return sdp.replace(LINE, (line, number, uri) => ((taken.get(number) ?? uri) === uri ? line : ''));
}
