import { describe, expect, test } from "bun:test";
import { blake3 } from "@napi-rs/blake-hash";
import fc from "fast-check";
import { createBlake3 } from "../../src/client.ts";
import vectors from "../support/blake3-vectors.json" with { type: "json" };

/** Around the sizes of a block and a chunk, and of whole subtrees. */
const cuts = [1, 63, 64, 65, 1023, 1024, 1025, 2048, 3072, 4096, 8191];

/** The input of the official vectors: 0, 1, … 250, 0, 1, … */
function officialInput(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => index % 251);
}

function hashOf(...pieces: readonly Uint8Array[]): string {
  const hasher = createBlake3();
  for (const piece of pieces) hasher.update(piece);
  return hasher.digest().toHex();
}

/** By the reference implementation, in Rust. */
function expectedHash(bytes: Uint8Array): string {
  return blake3(Buffer.from(bytes)).toHex();
}

function cutIn(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let start = 0;
  for (const length of lengths) {
    pieces.push(bytes.subarray(start, start + length));
    start += length;
  }
  return [...pieces, bytes.subarray(start)];
}

describe("BLAKE3 of the client", () => {
  test.each(vectors.cases)("hashes the official $input_len bytes", ({ input_len, hash }) => {
    const input = officialInput(input_len);
    expect(hashOf(input)).toBe(hash);
    for (const cut of cuts) expect(hashOf(...cutIn(input, [cut]))).toBe(hash);
  });

  test.each(cuts)("hashes the longest official input in pieces of %d bytes", (pieceBytes) => {
    const { input_len = 0, hash } = vectors.cases.at(-1) ?? {};
    const lengths = Array<number>(Math.floor(input_len / pieceBytes)).fill(pieceBytes);
    expect(hashOf(...cutIn(officialInput(input_len), lengths))).toBe(hash ?? "");
  });

  test("agrees with the reference on any bytes in any pieces", () => {
    const lengths = fc.array(fc.oneof(fc.nat(20_000), fc.nat(1100), fc.constant(0)));
    const seed = fc.uint8Array({ minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(seed, fc.nat(40_000), lengths, (pattern, length, pieces) => {
        const input = new Uint8Array(Buffer.alloc(length, pattern));
        expect(hashOf(...cutIn(input, pieces))).toBe(expectedHash(input));
      }),
      { numRuns: 200 },
    );
  });

  test("agrees with the reference on every number of whole chunks up to 70", () => {
    for (let chunks = 0; chunks <= 70; chunks += 1) {
      const input = officialInput(chunks * 1024);
      expect(hashOf(input)).toBe(expectedHash(input));
    }
  });

  test("asking twice gives the same hash, and bytes may follow", () => {
    const input = officialInput(5000);
    const hasher = createBlake3();
    for (const [from, to] of [
      [0, 0],
      [0, 700],
      [700, 2048],
      [2048, 5000],
    ] as const) {
      hasher.update(input.subarray(from, to));
      expect(hasher.digest().toHex()).toBe(expectedHash(input.subarray(0, to)));
      expect(hasher.digest().toHex()).toBe(expectedHash(input.subarray(0, to)));
    }
  });

  test("bytes may be changed once update has returned, and are not changed by it", () => {
    const input = officialInput(3000);
    const hasher = createBlake3();
    hasher.update(input);
    expect(input).toEqual(officialInput(3000));
    input.fill(0);
    expect(hasher.digest().toHex()).toBe(expectedHash(officialInput(3000)));
  });

  test("hashers under way at the same time do not disturb each other", () => {
    const [first, second] = [createBlake3(), createBlake3()];
    const input = officialInput(4000);
    first.update(input.subarray(0, 1500));
    second.update(input.subarray(0, 2500));
    first.update(input.subarray(1500));
    expect(second.digest().toHex()).toBe(expectedHash(input.subarray(0, 2500)));
    expect(first.digest().toHex()).toBe(expectedHash(input));
  });
});
