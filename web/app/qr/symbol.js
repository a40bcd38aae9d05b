/**
 * Modules of a QR symbol: function patterns, placement of the codewords, and format information (ISO/IEC 18004, 6.3, 7.7 and 7.9). Pure.
 * @module
 */

/** @typedef {'L' | 'M'} Level of error correction: about 7 % and 15 % of the symbol */

/** ISO/IEC 18004, table 12 */
const LEVEL_BITS = Object.freeze({ L: 1, M: 0 });
/** Generators of the BCH codes of format and version information, and the mask of the first. */
const FORMAT = { generator: 0b10100110111, bits: 10, mask: 0b101010000010010 };
const VERSION = { generator: 0b1111100100101, bits: 12 };
/** The first version that says which it is. */
const FIRST_NUMBERED = 7;

/** Square of modules, dark or light; those of function patterns are reserved, and no mask changes them. */
export class QrSymbol {
  /** @type {Uint8Array} */ #dark;
  /** @type {Uint8Array} */ #reserved;

  /** @param {number} version 1 to 40 */
  constructor(version) {
    this.version = version;
    this.size = 4 * version + 17;
    this.#dark = new Uint8Array(this.size ** 2);
    this.#reserved = new Uint8Array(this.size ** 2);
    this.#drawFunctionPatterns();
  }

  /** @returns {number} how many codewords there is room for */
  get codewords() {
    return Math.floor(this.#reserved.reduce((free, reserved) => free - reserved, this.size ** 2) / 8);
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  isDark(x, y) {
    return this.#dark[y * this.size + x] === 1;
  }

  /** @returns {number} of dark modules */
  get darkness() {
    return this.#dark.reduce((sum, dark) => sum + dark, 0);
  }

  /**
   * Place codewords in pairs of columns from the right, upwards and downwards in turn.
   * @param {readonly number[]} codewords
   */
  place(codewords) {
    let bit = 0;
    for (let right = this.size - 1, upwards = true; right > 0; right -= right === 8 ? 3 : 2, upwards = !upwards) {
      for (let step = 0; step < this.size; step += 1) {
        const y = upwards ? this.size - 1 - step : step;
        for (const x of right === 6 ? [5, 4] : [right, right - 1]) {
          if (this.#reserved[y * this.size + x]) continue;
          this.#dark[y * this.size + x] = ((codewords[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;
          bit += 1;
        }
      }
    }
  }

  /**
   * Invert the modules that a mask names; a second time takes it off again.
   * @param {(x: number, y: number) => boolean} isInverted
   */
  mask(isInverted) {
    this.#reserved.forEach((reserved, at) => {
      if (!reserved && isInverted(at % this.size, Math.floor(at / this.size))) this.#dark[at] = 1 - (this.#dark[at] ?? 0);
    });
  }

  /**
   * Write level and mask beside the finder patterns, twice.
   * @param {Level} level
   * @param {number} mask
   */
  drawFormat(level, mask) {
    const bits = formatBits(level, mask);
    const edge = this.size - 1;
    for (let at = 0; at < 15; at += 1) {
      const dark = ((bits >> at) & 1) === 1;
      const along = at < 6 ? at : at < 8 ? at + 1 : 14 - at; // past the timing pattern
      if (at < 8) this.#set(8, along, dark);
      else this.#set(at === 8 ? 7 : along, 8, dark);
      if (at < 8) this.#set(edge - at, 8, dark);
      else this.#set(8, edge - 14 + at, dark);
    }
    this.#set(8, this.size - 8, true);
  }

  #drawFunctionPatterns() {
    for (let at = 0; at < this.size; at += 1) {
      this.#set(at, 6, at % 2 === 0);
      this.#set(6, at, at % 2 === 0);
    }
    const far = this.size - 4;
    for (const [x, y] of /** @type {const} */ ([[3, 3], [far, 3], [3, far]])) this.#drawRings(x, y, 4);
    const positions = alignmentPositions(this.version, this.size);
    const last = positions.length - 1;
    positions.forEach((x, column) =>
      positions.forEach((y, row) => {
        const isFinder = (column === 0 && (row === 0 || row === last)) || (column === last && row === 0);
        if (!isFinder) this.#drawRings(x, y, 2);
      }),
    );
    this.drawFormat('L', 0); // reserves its place
    if (this.version >= FIRST_NUMBERED) this.#drawVersion();
  }

  /**
   * Draw a finder or alignment pattern: rings around a centre, of which one is light, and a light border around the larger.
   * @param {number} centerX
   * @param {number} centerY
   * @param {number} radius
   */
  #drawRings(centerX, centerY, radius) {
    for (let dy = -radius; dy <= radius; dy += 1) {
      for (let dx = -radius; dx <= radius; dx += 1) {
        const ring = Math.max(Math.abs(dx), Math.abs(dy));
        this.#set(centerX + dx, centerY + dy, radius === 4 ? ring !== 2 && ring !== 4 : ring !== 1);
      }
    }
  }

  #drawVersion() {
    const bits = versionBits(this.version);
    for (let at = 0; at < 18; at += 1) {
      const dark = ((bits >> at) & 1) === 1;
      const [far, near] = [this.size - 11 + (at % 3), Math.floor(at / 3)];
      this.#set(far, near, dark);
      this.#set(near, far, dark);
    }
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {boolean} dark
   */
  #set(x, y, dark) {
    if (Math.min(x, y) < 0 || Math.max(x, y) >= this.size) return;
    this.#dark[y * this.size + x] = Number(dark);
    this.#reserved[y * this.size + x] = 1;
  }
}

/**
 * @param {Level} level
 * @param {number} mask
 */
export function formatBits(level, mask) {
  return appendRemainder((LEVEL_BITS[level] << 3) | mask, FORMAT) ^ FORMAT.mask;
}

/** @param {number} version */
export function versionBits(version) {
  return appendRemainder(version, VERSION);
}

/**
 * Append the remainder of a BCH code.
 * @param {number} value
 * @param {{generator: number, bits: number}} code
 */
function appendRemainder(value, { generator, bits }) {
  let remainder = value << bits;
  for (let bit = 31 - Math.clz32(remainder); bit >= bits; bit -= 1) if ((remainder >> bit) & 1) remainder ^= generator << (bit - bits);
  return (value << bits) | remainder;
}

/**
 * Return the rows and columns of the centres of alignment patterns (ISO/IEC 18004, annex E).
 * @param {number} version
 * @param {number} size
 * @returns {number[]}
 */
function alignmentPositions(version, size) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = version === 32 ? 26 : 2 * Math.ceil((size - 13) / (2 * count - 2));
  return [6, ...Array.from({ length: count - 1 }, (_, at) => size - 7 - at * step).reverse()];
}
