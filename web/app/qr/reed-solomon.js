/**
 * Reed–Solomon error correction over GF(256), as ISO/IEC 18004 (QR code) uses it. Pure.
 * @module
 */

/** x⁸ + x⁴ + x³ + x² + 1, ISO/IEC 18004, 7.5.2 */
const PRIMITIVE = 0x11d;
const ORDER = 255;

/** Powers of the field's generator, twice over, so that sums of two logarithms need no modulus. */
const POWERS = new Uint8Array(2 * ORDER);
const LOGARITHMS = new Uint8Array(ORDER + 1);
for (let exponent = 0, power = 1; exponent < ORDER; exponent += 1) {
  POWERS[exponent] = POWERS[exponent + ORDER] = power;
  LOGARITHMS[power] = exponent;
  power = (power << 1) ^ (power & 0x80 ? PRIMITIVE : 0);
}

/**
 * Return the error correction codewords of a block: the remainder of its division by the generator polynomial.
 * @param {readonly number[]} data codewords
 * @param {number} count of error correction codewords
 * @returns {number[]}
 */
export function errorCorrection(data, count) {
  const generator = generatorOf(count);
  const remainder = [...data, ...new Array(count).fill(0)];
  for (let at = 0; at < data.length; at += 1) {
    const factor = remainder[at] ?? 0;
    generator.forEach((coefficient, below) => (remainder[at + below] = (remainder[at + below] ?? 0) ^ multiply(coefficient, factor)));
  }
  return remainder.slice(data.length);
}

/**
 * @param {number} degree
 * @returns {number[]} coefficients of (x − 1)(x − α)…(x − α^(degree−1)), the highest first
 */
function generatorOf(degree) {
  let product = [1];
  for (let root = 0; root < degree; root += 1) {
    const shifted = [...product, 0];
    product = shifted.map((coefficient, at) => coefficient ^ multiply(product[at - 1] ?? 0, POWERS[root] ?? 0));
  }
  return product;
}

/**
 * @param {number} one
 * @param {number} other
 */
function multiply(one, other) {
  return one && other ? (POWERS[(LOGARITHMS[one] ?? 0) + (LOGARITHMS[other] ?? 0)] ?? 0) : 0;
}
