import type { Bytes } from "../../src/domain/bytes.ts";
import type { Random } from "../support/random.ts";

/** What inputs are made of. */
export interface Material {
  /** Inputs that led somewhere. */
  readonly inputs: readonly Bytes[];
  /** Words that mean something to what is tried. */
  readonly words: readonly Bytes[];
  readonly bytesMax: number;
}

/** A new input: one that led somewhere, changed in a few places. */
export function mutate({ inputs, words, bytesMax }: Material, random: Random): Bytes {
  let bytes = pick(inputs, random) ?? new Uint8Array(0);
  const changes = 1 + random.below(random.below(4) === 0 ? 16 : 4);
  for (let change = 0; change < changes; change += 1) {
    const other = pick(inputs, random) ?? bytes;
    bytes = changed(bytes, { other, word: pick(words, random) ?? bytes, random });
  }
  return bytes.length > bytesMax ? bytes.slice(0, bytesMax) : bytes;
}

// --- internal ---

interface Change {
  readonly other: Bytes;
  readonly word: Bytes;
  readonly random: Random;
}

function changed(bytes: Bytes, { other, word, random }: Change): Bytes {
  const at = random.below(bytes.length + 1);
  const to = Math.min(
    bytes.length,
    at + 1 + random.below(random.below(3) === 0 ? bytes.length : 8),
  );
  switch (random.below(8)) {
    case 0: // a bit
      return replaced(bytes, [at, at + 1], [(bytes[at] ?? 0) ^ (1 << random.below(8))]);
    case 1: // a byte, often one that means something
      return replaced(
        bytes,
        [at, at + 1],
        [telling[random.below(telling.length)] ?? random.below(256)],
      );
    case 2: // something less
      return replaced(bytes, [at, to], []);
    case 3: // something twice
      return replaced(bytes, [at, at], bytes.subarray(at, to));
    case 4: // something from elsewhere
      return replaced(
        bytes,
        [at, to],
        bytes.subarray(random.below(bytes.length + 1)).subarray(0, to - at),
      );
    case 5: // the end of another
      return replaced(bytes, [at, bytes.length], other.subarray(random.below(other.length + 1)));
    case 6: // a word, put in
      return replaced(bytes, [at, at], word);
    default: // a word, in place of something
      return replaced(bytes, [at, to], word);
  }
}

/** From one offset to another. */
type Place = readonly [from: number, to: number];

/** Bytes on which parsers turn. */
const telling = Array.from('\0\t\n\r "%*,-./09:;<=@AZ\\az\x7f\x80\xff', (c) => c.charCodeAt(0));

function replaced(bytes: Bytes, [from, to]: Place, by: ArrayLike<number>): Bytes {
  const end = Math.min(to, bytes.length);
  const result = new Uint8Array(bytes.length - (end - Math.min(from, end)) + by.length);
  result.set(bytes.subarray(0, from));
  result.set(by, Math.min(from, bytes.length));
  result.set(bytes.subarray(end), Math.min(from, bytes.length) + by.length);
  return result;
}

function pick<T>(from: readonly T[], random: Random): T | undefined {
  return from[random.below(from.length)];
}
