/**
 * QR code encoder: ISO/IEC 18004, byte mode, versions 1 to 40, levels M and L. Pure.
 * @module
 */

import { MASKS, penaltyOf } from './masks.js';
import { errorCorrection } from './reed-solomon.js';
import { QrSymbol } from './symbol.js';

/** @typedef {import('./symbol.js').Level} Level */

/** ISO/IEC 18004, table 9, by version: error correction codewords of a block, and blocks. */
const BLOCKS = Object.freeze({
  L: {
    correction: [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30],
    count: [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25],
  },
  M: {
    correction: [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28],
    count: [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49],
  },
});
const VERSIONS = 40;
const BYTE_MODE = 0b0100;
/** ISO/IEC 18004, 7.4.10: what fills a symbol up. */
const PADDING = [0xec, 0x11];

/**
 * Return the symbol of a text, in UTF-8: of the smallest version at level M, or at L where M has none that is large enough.
 * @param {string} text
 * @returns {QrSymbol}
 * @throws {RangeError} over 2953 bytes
 */
export function encodeQr(text) {
  const bytes = [...new TextEncoder().encode(text)];
  const { symbol, level, room } = chooseVersion(bytes.length);
  symbol.place(interleave(addPadding(bytes, symbol.version, room), symbol, level));
  drawBestMask(symbol, level);
  return symbol;
}

/**
 * @param {number} length in bytes
 * @returns {{symbol: QrSymbol, level: Level, room: number}} `room`: for data codewords
 */
function chooseVersion(length) {
  for (const level of /** @type {const} */ (['M', 'L'])) {
    for (let version = 1; version <= VERSIONS; version += 1) {
      const symbol = new QrSymbol(version);
      const { correction, count } = blocksOf(version, level);
      const room = symbol.codewords - correction * count;
      if (8 * room >= 4 + countBits(version) + 8 * length) return { symbol, level, room };
    }
  }
  throw new RangeError('too long for a QR code');
}

/**
 * @param {number} version
 * @param {Level} level
 */
function blocksOf(version, level) {
  const { correction, count } = BLOCKS[level];
  return { correction: correction[version - 1] ?? 0, count: count[version - 1] ?? 0 };
}

/** @param {number} version */
function countBits(version) {
  return version < 10 ? 8 : 16;
}

/**
 * Return the data codewords: mode, length, data, terminator, padding. The mode has four bits, so each byte lies across two codewords.
 * @param {number[]} bytes
 * @param {number} version
 * @param {number} room
 */
function addPadding(bytes, version, room) {
  const length = countBits(version) === 8 ? [bytes.length] : [bytes.length >> 8, bytes.length & 255];
  const stream = [...length, ...bytes, 0];
  const codewords = stream.map((byte, at) => (((at ? (stream[at - 1] ?? 0) : BYTE_MODE) << 4) & 255) | (byte >> 4));
  while (codewords.length < room) codewords.push(PADDING[(codewords.length - stream.length) % 2] ?? 0);
  return codewords;
}

/**
 * Divide data into blocks, of which the last ones may be longer by one, and take of each in turn: first data, then error correction.
 * @param {number[]} data
 * @param {QrSymbol} symbol
 * @param {Level} level
 */
function interleave(data, symbol, level) {
  const { correction, count } = blocksOf(symbol.version, level);
  const short = Math.floor(data.length / count);
  const longer = data.length % count;
  const blocks = Array.from({ length: count }, (_, at) => {
    const start = at * short + Math.max(0, at - (count - longer));
    return data.slice(start, start + short + Number(at >= count - longer));
  });
  return [...takeInTurn(blocks), ...takeInTurn(blocks.map((block) => errorCorrection(block, correction)))];
}

/**
 * @param {number[][]} blocks
 * @returns {number[]}
 */
function takeInTurn(blocks) {
  const longest = Math.max(...blocks.map(({ length }) => length));
  return Array.from({ length: longest }, (_, at) => blocks.flatMap((block) => block.slice(at, at + 1))).flat();
}

/**
 * Try all masks, and leave the one with the least penalty.
 * @param {QrSymbol} symbol
 * @param {Level} level
 */
function drawBestMask(symbol, level) {
  const penalties = MASKS.map((isInverted, mask) => {
    symbol.mask(isInverted);
    symbol.drawFormat(level, mask);
    const penalty = penaltyOf(symbol);
    symbol.mask(isInverted);
    return penalty;
  });
  const best = penalties.indexOf(Math.min(...penalties));
  symbol.mask(MASKS[best] ?? (() => false));
  symbol.drawFormat(level, best);
}
