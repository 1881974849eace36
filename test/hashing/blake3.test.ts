import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { prefixOf, toBlobHash } from "../../src/domain/blob-key.ts";
import { toHex, type Bytes } from "../../src/domain/bytes.ts";
import { createHashing } from "../../src/hashing/blake3.ts";
import vectors from "../support/blake3-vectors.json" with { type: "json" };

const native = createHashing({ implementation: "native" });
const wasm = createHashing({ implementation: "wasm" });
const emptyHash = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
/** Around the sizes of a block, a chunk, a SIMD batch, and of the pieces WebAssembly is fed. */
const cuts = [1, 63, 64, 65, 1023, 1024, 1025, 8192, 65_535, 65_536, 65_537];

/** The input of the official vectors: 0, 1, … 250, 0, 1, … */
function officialInput(length: number): Bytes {
  return Uint8Array.from({ length }, (_, index) => index % 251);
}

function hashInPieces(hashing: typeof native, bytes: Bytes, pieceBytes: readonly number[]): string {
  const hasher = hashing.createHasher();
  try {
    let start = 0;
    for (const length of pieceBytes) {
      hasher.update(bytes.subarray(start, start + length));
      start += length;
    }
    hasher.update(bytes.subarray(start));
    return toHex(hasher.digest());
  } finally {
    hasher.dispose();
  }
}

describe.each([native, wasm])("BLAKE3, $implementation", (hashing) => {
  test.each(vectors.cases)("hashes the official $input_len bytes, whole", ({ input_len, hash }) => {
    expect(toHex(hashing.hash(officialInput(input_len)))).toBe(hash);
  });

  test.each(vectors.cases)("hashes the official $input_len bytes, cut once", (vector) => {
    const input = officialInput(vector.input_len);
    for (const cut of cuts) expect(hashInPieces(hashing, input, [cut])).toBe(vector.hash);
  });

  test.each(cuts)("hashes the longest official input in pieces of %d bytes", (pieceBytes) => {
    const vector = vectors.cases.at(-1) ?? { input_len: 0, hash: "" };
    const pieces = Array(Math.floor(vector.input_len / pieceBytes)).fill(pieceBytes);
    expect(hashInPieces(hashing, officialInput(vector.input_len), pieces)).toBe(vector.hash);
  });

  test("any cutting gives the hash of the whole", () => {
    const pieceLengths = fc.array(fc.oneof(fc.nat(200_000), fc.nat(130), fc.constant(0)));
    fc.assert(
      fc.property(fc.nat(400_000), pieceLengths, (length, pieces) => {
        const input = officialInput(length);
        return hashInPieces(hashing, input, pieces) === toHex(hashing.hash(input));
      }),
      { numRuns: 50 },
    );
  });

  test("a hasher that was given nothing has the hash of nothing", () => {
    expect(hashInPieces(hashing, new Uint8Array(), [])).toBe(emptyHash);
    expect(hashInPieces(hashing, new Uint8Array(), [0, 0])).toBe(emptyHash);
  });

  test("a view hashes what it shows, not the buffer below it", () => {
    const buffer = officialInput(300_000);
    for (const [start, end] of [
      [1, 1],
      [7, 500],
      [3, 70_000],
      [100_000, 300_000],
    ] as const) {
      const view = buffer.subarray(start, end);
      const copy = buffer.slice(start, end);
      expect(toHex(hashing.hash(view))).toBe(toHex(hashing.hash(copy)));
      expect(hashInPieces(hashing, view, [10])).toBe(toHex(hashing.hash(copy)));
    }
  });

  test("asking twice gives the same hash, and bytes may follow", () => {
    const input = officialInput(100_000);
    const hasher = hashing.createHasher();
    hasher.update(input.subarray(0, 70_000));
    const first = toHex(hasher.digest());
    expect(toHex(hasher.digest())).toBe(first);
    expect(first).toBe(toHex(hashing.hash(input.subarray(0, 70_000))));
    hasher.update(input.subarray(70_000));
    expect(toHex(hasher.digest())).toBe(toHex(hashing.hash(input)));
    hasher.dispose();
  });

  test("bytes may be changed once update has returned, and are not changed by it", () => {
    const input = officialInput(100_000);
    const hasher = hashing.createHasher();
    hasher.update(input);
    expect(input).toEqual(officialInput(100_000));
    input.fill(0);
    expect(toHex(hasher.digest())).toBe(toHex(hashing.hash(officialInput(100_000))));
    hasher.dispose();
  });

  test("hashers under way at the same time do not disturb each other", () => {
    const [first, second] = [hashing.createHasher(), hashing.createHasher()];
    first.update(officialInput(1000));
    second.update(officialInput(2000));
    const whole = hashing.hash(officialInput(3000));
    first.update(officialInput(3000).subarray(1000));
    second.dispose();
    expect(first.digest()).toEqual(whole);
    first.dispose();
  });

  test("the first 16 bytes are the short key that mycelium nodes ask by", () => {
    const ciphertext = "9430b95a65557b3bc1a14094188a503a353578b8728a0a4d996ebe4316cb2ee1e66756";
    const hash = hashing.hash(Uint8Array.fromHex(ciphertext));
    expect(toHex(prefixOf(hash))).toBe("1eab898beaa3e838eea063a80238bd5f");
  });

  test("a given hash is not touched by later ones", () => {
    const hash = hashing.hash(new Uint8Array());
    hashing.hash(officialInput(10));
    hashInPieces(hashing, officialInput(100_000), [5]);
    expect(toHex(hash)).toBe(emptyHash);
  });

  test("a hash is plain bytes with a buffer of their own", () => {
    const hasher = hashing.createHasher();
    for (const hash of [hashing.hash(officialInput(5)), hasher.digest()]) {
      expect(Object.getPrototypeOf(hash)).toBe(Uint8Array.prototype);
      expect(hash.buffer.byteLength).toBe(32);
      expect(toBlobHash(hash)).toBe(hash);
    }
    hasher.dispose();
  });

  test("disposing twice is harmless, also to hashers made later", () => {
    const hasher = hashing.createHasher();
    hasher.update(officialInput(10));
    hasher.dispose();
    const later = hashing.createHasher();
    hasher.dispose();
    const last = hashing.createHasher();
    later.update(officialInput(3));
    last.update(officialInput(4));
    expect(later.digest()).toEqual(hashing.hash(officialInput(3)));
    later.dispose();
    last.dispose();
  });

  test("a disposed hasher is refused", () => {
    const hasher = hashing.createHasher();
    hasher.dispose();
    expect(() => hasher.update(officialInput(1))).toThrow("a disposed hasher takes no bytes");
    expect(() => hasher.digest()).toThrow("a disposed hasher has no hash");
  });
});

describe("BLAKE3, both", () => {
  test("native and WebAssembly agree on any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.nat(100), (bytes, times) => {
        const input = Buffer.alloc(bytes.length * times, bytes);
        const view = new Uint8Array(input.buffer, input.byteOffset, input.length);
        return toHex(native.hash(view)) === toHex(wasm.hash(view));
      }),
    );
  });
});
