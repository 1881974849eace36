import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { prefixOf, toBlobKey, type BlobKey } from "../../src/domain/blob-key.ts";
import { startsWith, toHex } from "../../src/domain/bytes.ts";
import { createKeySet } from "../../src/domain/key-set.ts";

/** Keys of both lengths that often begin alike. */
const keys: fc.Arbitrary<BlobKey> = fc
  .record({
    prefix: fc.constantFrom(1, 2, 3, 4),
    rest: fc.constantFrom(null, 5, 6),
  })
  .map(({ prefix, rest }) => {
    const bytes = new Uint8Array(rest === null ? 16 : 32).fill(prefix);
    if (rest !== null) bytes.fill(rest, 16);
    return toBlobKey(bytes);
  });

/** A key that no other number makes. */
function numbered(number: number): BlobKey {
  const bytes = new Uint8Array(number % 2 === 0 ? 32 : 16);
  new DataView(bytes.buffer).setUint32(0, number);
  return toBlobKey(bytes);
}

function isAlike(a: BlobKey, b: BlobKey): boolean {
  return startsWith(a, b) || startsWith(b, a);
}

describe("a set of keys", () => {
  it("holds what a plain set would, and covers what begins alike", () => {
    const steps = fc.array(fc.tuple(fc.constantFrom("add", "delete"), keys), { maxLength: 60 });
    fc.assert(
      fc.property(steps, keys, (taken, asked) => {
        const set = createKeySet({ sizeMax: 100 });
        const plain = new Map<string, BlobKey>();
        for (const [step, key] of taken) {
          const digits = toHex(key);
          if (step === "add") expect(set.add(key)).toBe(!plain.has(digits));
          else expect(set.delete(key)).toBe(plain.has(digits));
          if (step === "add") plain.set(digits, key);
          else plain.delete(digits);
        }
        expect(set.size).toBe(plain.size);
        expect(set.has(asked)).toBe(plain.has(toHex(asked)));
        expect(set.covers(asked)).toBe([...plain.values()].some((key) => isAlike(key, asked)));
        expect(new Set(Array.from(set.keys(), toHex))).toEqual(new Set(plain.keys()));
      }),
    );
  });

  it.each([0, 50_000, 70_000])("finds each of many, in their order, of %d expected", (expected) => {
    const set = createKeySet({ sizeMax: 50_000, sizeExpected: expected });
    const many = Array.from({ length: 50_000 }, (_, number) => numbered(number));
    for (const key of many) expect(set.add(key)).toBe(true);
    expect(many.every((key) => set.has(key) && set.covers(toBlobKey(prefixOf(key).slice())))).toBe(
      true,
    );
    expect(set.covers(numbered(50_000))).toBe(false);
    expect(Array.from(set.keys(), toHex)).toEqual(many.map(toHex));
  });

  it("takes no more keys than it may, but for those it has", () => {
    const set = createKeySet({ sizeMax: 2 });
    set.add(numbered(0));
    set.add(numbered(1));
    expect(set.add(numbered(1))).toBe(false);
    expect(() => set.add(numbered(2))).toThrow("counted");
  });

  it("does not grow while keys come and go", () => {
    const set = createKeySet({ sizeMax: 10 });
    for (let number = 0; number < 20_000; number += 1) {
      set.add(numbered(number));
      set.delete(numbered(number - 5));
    }
    expect(Array.from(set.keys(), toHex)).toEqual(
      [19_995, 19_996, 19_997, 19_998, 19_999].map((number) => toHex(numbered(number))),
    );
  });

  it("keeps no part of the array that a key was given in", () => {
    const set = createKeySet({ sizeMax: 1 });
    const key = numbered(7);
    set.add(key);
    key.fill(0);
    expect(set.has(numbered(7))).toBe(true);
  });
});
