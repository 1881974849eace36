import type { Bytes } from "../../../src/domain/bytes.ts";
import { createRandom } from "../../support/random.ts";

/** The bytes of the blobs of one seed: number and size are all that has to be remembered. */
export type Content = (number: number, size: number) => Bytes;

/**
 * Bytes of its own for every number: out of a pool of random ones, with the seed, the number and
 * the place stamped in every 64 KiB, so that no two pieces, of one blob or of two, are alike.
 */
export function createContent(seed: number): Content {
  const pool = poolOf(seed);
  return (number, size) => {
    const bytes = new Uint8Array(size);
    const first = Math.imul(number, 40_503) & (stampEvery - 1);
    for (let at = 0; at < size; at += poolBytes) {
      bytes.set(pool.subarray(first, first + Math.min(poolBytes, size - at)), at);
    }
    const view = new DataView(bytes.buffer);
    for (let at = 0; at + stampBytes <= size; at += stampEvery) {
      view.setUint32(at, seed);
      view.setUint32(at + 4, number);
      view.setUint32(at + 8, at);
    }
    return bytes;
  };
}

// --- internal ---

const poolBytes = 1024 * 1024;
const stampEvery = 64 * 1024;
const stampBytes = 12;

function poolOf(seed: number): Bytes {
  const random = createRandom(seed);
  const words = new Uint32Array((poolBytes + stampEvery) / 4);
  for (let index = 0; index < words.length; index += 1) words[index] = random.next() * 2 ** 32;
  return new Uint8Array(words.buffer);
}
