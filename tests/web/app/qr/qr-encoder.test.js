/** QR symbols, by what ISO/IEC 18004 publishes: its example of error correction, of format and of version information. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { encodeQr } from '../../../../web/app/qr/qr-encoder.js';
import { errorCorrection } from '../../../../web/app/qr/reed-solomon.js';
import { QrSymbol, formatBits, versionBits } from '../../../../web/app/qr/symbol.js';

/** Return the bytes of binary groups. */
const bytesOf = (text) => text.split(' ').map((byte) => parseInt(byte, 2));

test('error correction is that of the example of annex I', () => {
  const data = '00010000 00100000 00001100 01010110 01100001 10000000 11101100 00010001 11101100 00010001 11101100 00010001 11101100 00010001 11101100 00010001';
  const expected = '10100101 00100100 11010100 11000001 11101101 00110110 11000111 10000111 00101100 01010101';

  assert.deepEqual(errorCorrection(bytesOf(data), 10), bytesOf(expected));
});

test('format information is that of the example of 7.9: level M, mask 5', () => {
  assert.equal(formatBits('M', 5), 0b100000011001110);
});

test('version information is that of the example of 7.10: version 7', () => {
  assert.equal(versionBits(7), 0b000111110010010100);
});

test('symbols have room for as many codewords as table 1 says', () => {
  const known = { 1: 26, 2: 44, 7: 196, 14: 581, 21: 1156, 32: 2465, 40: 3706 };

  assert.deepEqual(Object.fromEntries(Object.keys(known).map((version) => [version, new QrSymbol(Number(version)).codewords])), known);
});

test('the version is the smallest that holds the text', () => {
  assert.deepEqual([14, 15, 2331, 2332, 2953].map((length) => encodeQr('a'.repeat(length)).version), [1, 2, 40, 36, 40]);
});

test('a text that no symbol holds is refused', () => {
  assert.throws(() => encodeQr('a'.repeat(2954)), RangeError);
});
