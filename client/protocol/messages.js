/**
 * Message types of the protocol: members, canonical JSON and the meaning of a close, the pure twin of the server's `app/protocol`.
 * No network, no clock, no storage; docs/protocol.md is the norm.
 * @module
 */

/** How far a push may be from the server's time: it can take seconds where a request takes milliseconds. */
export const PUSH_WINDOW_MS = 60_000;

/** RFC 8291 leaves 3993 bytes of plaintext in the 4096-byte message that RFC 8030 promises. */
export const MAX_PLAINTEXT_BYTES = 3993;

/** The bits of a dial's `wants`. */
export const AUDIO = 1;
export const VIDEO = 2;

/** @typedef {'dial' | 'offer' | 'answer' | 'ice' | 'close'} Method */

/** @typedef {'encryptionKey' | 'payload' | 'direction' | 'fromDevice' | 'toDevice' | 'dialKey' | 'wants'} MemberName */

/** @type {Readonly<Record<Method, Readonly<Record<string, MemberName>>>>} the members of each method's data after sender, time and recipient */
export const MEMBERS = Object.freeze({
  dial: { d: 'encryptionKey', e: 'fromDevice', f: 'toDevice', g: 'wants' },
  offer: { d: 'encryptionKey', e: 'payload', f: 'fromDevice', g: 'toDevice' },
  answer: { d: 'encryptionKey', e: 'payload', f: 'fromDevice', g: 'toDevice' },
  ice: { d: 'encryptionKey', e: 'payload', f: 'direction', g: 'fromDevice', h: 'toDevice' },
  close: { d: 'fromDevice', e: 'toDevice', f: 'dialKey' },
});

/**
 * A call to one recipient, its members by name; those that only matter with several devices are there if they were sent.
 * @typedef {object} Call
 * @property {Method} method
 * @property {string} sender the address of who signed it
 * @property {number} sentAt ms since the Unix epoch, by the server's clock
 * @property {string} recipient an address
 * @property {string} encryptionKey the sender's X25519 key in base64; '' in a close
 * @property {string} payload sealed; '' in dial and close
 * @property {string} [fromDevice] the sender's device
 * @property {string} [dialKey] in a close: the encryption key of the dial that another device has dealt with
 * @property {number} [wants] in a dial: 1 for audio, 2 for video, 3 for both
 * @property {number} [devices] to how many devices it was sent, if to several; the server says so beside what was signed
 * @property {string} text exactly what was signed
 * @property {string} signature base64
 */

/** Members of a call after sender, time and recipient.
 * @typedef {Partial<Record<MemberName, string | number>>} Members
 */

/**
 * Return the RFC 8785 text of a call's data: for its values, what `JSON.stringify` prints with the members in order.
 * @param {Record<string, unknown>} data
 * @returns {string}
 */
export function canonical(data) {
  return JSON.stringify(data, (_, value) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value,
  );
}

/**
 * Return a call's members by their letters.
 * @param {Method} method
 * @param {Members} members
 * @returns {Record<string, string | number>} without those that are undefined
 */
export function encodeMembers(method, members) {
  const pairs = Object.entries(MEMBERS[method]).map(([letter, name]) => [letter, members[name]]);
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined));
}

/**
 * Tell whether a close says that another device has dealt with a dial. The caller is believed only of a dial that went to
 * several devices: of one that came alone, it is a hang-up, or a call could be made without a trace.
 * @param {Call} close
 * @param {Call} dial
 */
export function isAnsweredElsewhere(close, dial) {
  const mayTell = close.sender === dial.recipient || (close.sender === dial.sender && dial.devices !== undefined);
  return close.method === 'close' && close.dialKey === dial.encryptionKey && mayTell;
}

/**
 * Tell whether a close says that the caller rings no more: sent by the device that rang, and not before it did.
 * @param {Call} close
 * @param {Call} dial that nobody has answered
 */
export function isHangUp(close, dial) {
  const isTheirs = close.sender === dial.sender && close.sentAt >= dial.sentAt;
  const isSameDevice = !close.fromDevice || !dial.fromDevice || close.fromDevice === dial.fromDevice;
  const isMeant = close.dialKey === undefined || (close.dialKey === dial.encryptionKey && dial.devices === undefined);
  return close.method === 'close' && isTheirs && isSameDevice && isMeant;
}

/**
 * Return how many bytes too many a call's push would have, 0 when it fits.
 * @param {Method} method
 * @param {string} text
 * @param {string} signature
 * @returns {number}
 */
export function bytesOverLimit(method, text, signature) {
  const push = JSON.stringify({ data: { a: method, b: text, c: signature } });
  return Math.max(0, new TextEncoder().encode(push).length - MAX_PLAINTEXT_BYTES);
}
