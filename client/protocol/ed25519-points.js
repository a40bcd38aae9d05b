/**
 * Points of Ed25519 (RFC 8032, section 5.1): whether a key is one, and whether a strict verifier looks at a signature any further.
 * @module
 */

/** @typedef {import('./base64.js').Bytes} Bytes */

/** The field, the group order, and the constant of the curve. */
const FIELD = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
const SIGN_BIT = 2n ** 255n;
const Y_OF_ORDER_8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
/** The y coordinates of the points of small order, whatever the sign bit: such a key verifies what nobody signed. */
const SMALL_ORDER = [0n, 1n, FIELD - 1n, Y_OF_ORDER_8, FIELD - Y_OF_ORDER_8];

/**
 * Tell whether a key and a signature are what a strict verifier looks at any further: no point of small order, no second spelling.
 * @param {Bytes} point 32 bytes
 * @param {Bytes} signature 64 bytes: R and S
 */
export function isStrict(point, signature) {
  return !isWeakPoint(point) && !isWeakPoint(signature.subarray(0, 32)) && toNumber(signature.subarray(32)) < ORDER;
}

/**
 * Tell whether *raw* is a key that somebody can have: half of all texts of its length are no point of the curve.
 * @param {Bytes} raw 32 bytes
 */
export function isKey(raw) {
  if (isWeakPoint(raw)) return false;
  const ySquared = (toNumber(raw) % SIGN_BIT) ** 2n % FIELD;
  const xSquared = (ySquared - 1n) * (D * ySquared + 1n); // times a square, which changes nothing
  return power(xSquared % FIELD, (FIELD - 1n) / 2n) === 1n; // Euler's criterion
}

/**
 * @param {Bytes} raw an encoded point
 * @returns {boolean} whether it has small order, or a y that is not below p
 */
function isWeakPoint(raw) {
  const y = toNumber(raw) % SIGN_BIT;
  return y >= FIELD || SMALL_ORDER.includes(y);
}

/** @param {Bytes} raw little-endian */
function toNumber(raw) {
  return raw.reduceRight((number, byte) => number * 256n + BigInt(byte), 0n);
}

/**
 * @param {bigint} base
 * @param {bigint} exponent
 */
function power(base, exponent) {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % FIELD;
    if (bit === '1') result = (result * base) % FIELD;
  }
  return result;
}
