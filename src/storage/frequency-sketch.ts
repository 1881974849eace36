/** Estimates how often each key was asked for lately, in a table of fixed size. */
export interface FrequencySketch {
  /** What the table occupies. */
  readonly bytes: number;
  /** Notes that `key` was asked for `times` more. */
  add(key: string, times: number): void;
  /** How often `key` was asked for, 0 to 15: never too low before it faded. */
  estimate(key: string): number;
  /** Forgets everything. */
  clear(): void;
}

/**
 * A count-min sketch of four rows, as TinyLFU has it. Keys are the 32 hexadecimal digits of a hash
 * and so need no hashing: each row takes 8 of the digits. When eight times as many requests were
 * noted as a row has counters, all counters are halved, so that what was popular once fades.
 * `bytesMax` bounds the table; at least 64 bytes are taken.
 */
export function createFrequencySketch(bytesMax: number): FrequencySketch {
  const rowsBytes = Math.min(tableBytesMax, Math.max(tableBytesMin, bytesMax));
  const width = 2 ** Math.floor(Math.log2(rowsBytes / rows));
  const counters = new Uint8Array(rows * width);
  const quads = new Uint32Array(counters.buffer);
  const additionsMax = 8 * width;
  let additions = 0;
  let nextAged = quads.length;

  function estimate(key: string): number {
    let least = counterMax;
    for (let row = 0; row < rows; row += 1) {
      const count = counters[row * width + (wordOf(key, row) & (width - 1))] ?? 0;
      if (count < least) least = count;
    }
    return least;
  }

  /** Halves the next counters, four at a time: not all at once, for requests wait meanwhile. */
  function age(): void {
    const end = Math.min(quads.length, nextAged + agedAtOnce);
    for (; nextAged < end; nextAged += 1) {
      quads[nextAged] = ((quads[nextAged] ?? 0) >>> 1) & 0x07_07_07_07;
    }
  }

  return {
    bytes: counters.length,
    add(key, times) {
      const count = Math.min(counterMax, estimate(key) + times);
      for (let row = 0; row < rows; row += 1) {
        const slot = row * width + (wordOf(key, row) & (width - 1));
        // Only the least of the four counters tells the truth: the others need not grow with it.
        if ((counters[slot] ?? 0) < count) counters[slot] = count;
      }
      additions += times;
      if (additions >= additionsMax) {
        additions = 0;
        nextAged = 0;
      }
      if (nextAged < quads.length) age();
    },
    estimate,
    clear() {
      counters.fill(0);
      additions = 0;
      nextAged = quads.length;
    },
  };
}

// --- internal ---

const rows = 4;
const counterMax = 15;
const agedAtOnce = 256;
const tableBytesMin = 64;
const tableBytesMax = 2 ** 24;

function wordOf(key: string, row: number): number {
  let word = 0;
  for (let index = 8 * row; index < 8 * row + 8; index += 1) {
    const code = key.charCodeAt(index);
    word = (word << 4) | ((code & 15) + (code >> 6) * 9);
  }
  return word;
}
