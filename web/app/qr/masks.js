/**
 * Data masks of QR symbols, and the penalty by which one is chosen (ISO/IEC 18004, 7.8). Pure.
 * @module
 */

/** @typedef {import('./symbol.js').QrSymbol} QrSymbol */

/** @type {readonly ((x: number, y: number) => boolean)[]} */
export const MASKS = Object.freeze([
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
]);

const LONG_RUN = 5;
const PENALTIES = Object.freeze({ run: 3, block: 3, finder: 40, darkness: 10 });
/** What a reader may take for a finder pattern, with a light area before or after it; matches overlap. */
const FINDER = /(?=10111010000|00001011101)/g;

/**
 * Return how hard a symbol is to read: long runs, blocks, false finder patterns, and too much of dark or light.
 * @param {QrSymbol} symbol
 */
export function penaltyOf(symbol) {
  const share = (100 * symbol.darkness) / symbol.size ** 2;
  const lines = [...linesOf(symbol, false), ...linesOf(symbol, true)];
  const ofLines = lines.reduce((sum, line) => sum + runPenalty(line) + PENALTIES.finder * (line.match(FINDER)?.length ?? 0), 0);
  return ofLines + PENALTIES.block * blocksOf(symbol) + PENALTIES.darkness * Math.floor(Math.abs(share - 50) / 5);
}

/**
 * @param {QrSymbol} symbol
 * @param {boolean} isColumn
 * @returns {string[]} '1' for dark modules
 */
function linesOf(symbol, isColumn) {
  const all = Array.from({ length: symbol.size }, (_, at) => at);
  return all.map((line) => all.map((at) => (isColumn ? symbol.isDark(line, at) : symbol.isDark(at, line)) ? '1' : '0').join(''));
}

/** @param {string} line */
function runPenalty(line) {
  const runs = line.match(/0{5,}|1{5,}/g) ?? [];
  return runs.reduce((sum, { length }) => sum + PENALTIES.run + length - LONG_RUN, 0);
}

/**
 * Count squares of two by two modules of one colour.
 * @param {QrSymbol} symbol
 */
function blocksOf(symbol) {
  let count = 0;
  for (let y = 1; y < symbol.size; y += 1) {
    for (let x = 1; x < symbol.size; x += 1) {
      const dark = symbol.isDark(x, y);
      if (symbol.isDark(x - 1, y) === dark && symbol.isDark(x, y - 1) === dark && symbol.isDark(x - 1, y - 1) === dark) count += 1;
    }
  }
  return count;
}
