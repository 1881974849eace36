import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import {
  createBlobCache,
  entryOverheadBytes,
  type BlobCache,
} from "../../src/storage/blob-cache.ts";

const mebibyte = 1024 * 1024;

/** 32 hexadecimal digits, as evenly spread as a hash. */
function keyOf(number: number): string {
  return new Bun.CryptoHasher("md5").update(String(number)).digest("hex");
}

/** Asks for a blob as the registry does: what is not kept is read and put in. */
function ask(cache: BlobCache<number>, number: number, bytes: number): void {
  if (cache.get(keyOf(number)) === undefined) cache.set(keyOf(number), number, bytes);
}

function keptOf(cache: BlobCache<number>, numbers: readonly number[]): number[] {
  return numbers.filter((number) => cache.get(keyOf(number)) === number);
}

function numbersFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

const someKey = fc.integer({ min: 0, max: 60 });
const someBytes = fc.oneof(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 20_000 }));
const someSteps = fc.array(
  fc.oneof(
    { weight: 100, arbitrary: fc.tuple(fc.constant("set" as const), someKey, someBytes) },
    { weight: 100, arbitrary: fc.tuple(fc.constant("get" as const), someKey, fc.constant(0)) },
    { weight: 20, arbitrary: fc.tuple(fc.constant("delete" as const), someKey, fc.constant(0)) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("clear" as const), someKey, fc.constant(0)) },
  ),
  { minLength: 200, maxLength: 600 },
);

describe("createBlobCache", () => {
  it("gives back what was set last, or nothing, and accounts for every byte", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60_000 }), someSteps, (bytesMax, steps) => {
        const cache = createBlobCache<number>({ bytesMax });
        const emptyBytes = cache.stats.bytes;
        const model = new Map<number, { readonly value: number; readonly bytes: number }>();
        for (const [index, [step, number, bytes]] of steps.entries()) {
          const known = model.get(number);
          if (step === "set") {
            cache.set(keyOf(number), index, bytes);
            model.set(number, { value: index, bytes });
          } else if (step === "get") {
            const value = cache.get(keyOf(number));
            if (value === undefined) model.delete(number);
            else expect(value).toBe(known?.value ?? Number.NaN);
          } else if (step === "delete") {
            const wasKept = cache.delete(keyOf(number));
            if (wasKept) expect(known).toBeDefined();
            model.delete(number);
          } else {
            cache.clear();
            model.clear();
            expect(cache.stats.bytes).toBe(emptyBytes);
          }
          expect(cache.stats.bytes).toBeLessThanOrEqual(bytesMax);
        }
        let entries = 0;
        let bytes = emptyBytes;
        for (const [number, known] of model) {
          if (cache.get(keyOf(number)) === undefined) continue;
          entries += 1;
          bytes += known.bytes + entryOverheadBytes;
        }
        expect(cache.stats).toMatchObject({ entries, bytes });
      }),
    );
  });

  it("is back at its empty size when everything kept was deleted one by one", () => {
    const cache = createBlobCache<number>({ bytesMax: mebibyte });
    const emptyBytes = cache.stats.bytes;
    for (const number of numbersFrom(0, 5000)) ask(cache, number % 1500, 600);
    for (const number of numbersFrom(0, 1500)) cache.delete(keyOf(number));
    expect(cache.stats).toMatchObject({ entries: 0, bytes: emptyBytes });
  });

  it("keeps the hot set through a flood of one-time reads ten times its size", () => {
    const cache = createBlobCache<number>({ bytesMax: mebibyte });
    const hot = numbersFrom(0, 400);
    for (let round = 0; round < 5; round += 1) for (const number of hot) ask(cache, number, 1000);
    const flood = Math.ceil((10 * mebibyte) / (1000 + entryOverheadBytes));
    for (const number of numbersFrom(1000, flood)) ask(cache, number, 1000);
    expect(keptOf(cache, hot).length).toBeGreaterThanOrEqual(0.95 * hot.length);
  });

  it("keeps the hot set through a flood of large blobs", () => {
    const cache = createBlobCache<number>({ bytesMax: 16 * mebibyte });
    const hot = numbersFrom(0, 5000);
    for (let round = 0; round < 5; round += 1) for (const number of hot) ask(cache, number, 1000);
    for (const number of numbersFrom(10_000, 160)) ask(cache, number, mebibyte);
    expect(keptOf(cache, hot).length).toBeGreaterThanOrEqual(0.95 * hot.length);
  });

  it("takes in a new hot set when the old one is no longer asked for", () => {
    const cache = createBlobCache<number>({ bytesMax: mebibyte });
    const old = numbersFrom(0, 700);
    const young = numbersFrom(1000, 700);
    for (let round = 0; round < 20; round += 1) for (const number of old) ask(cache, number, 1000);
    for (let round = 0; round < 60; round += 1) {
      for (const number of young) ask(cache, number, 1000);
    }
    expect(keptOf(cache, young).length).toBeGreaterThanOrEqual(0.8 * young.length);
  });

  it("takes in a blob that keeps being asked for, after a long run of hits on all others", () => {
    const cache = createBlobCache<number>({ bytesMax: mebibyte });
    const old = numbersFrom(0, 700);
    for (let round = 0; round < 20; round += 1) for (const number of old) ask(cache, number, 1000);
    let asked = 0;
    for (; asked < 1000; asked += 1) {
      ask(cache, 5000, 1000);
      for (const number of numbersFrom(10_000 + 100 * asked, 100)) ask(cache, number, 1000);
      if (cache.get(keyOf(5000)) === 5000) break;
    }
    expect(asked).toBeLessThan(100);
  });

  it("replaces the value of a key, and its charge", () => {
    const cache = createBlobCache<number>({ bytesMax: mebibyte });
    const emptyBytes = cache.stats.bytes;
    cache.set(keyOf(1), 1, 5000);
    cache.set(keyOf(1), 2, 700);
    expect(cache.get(keyOf(1))).toBe(2);
    expect(cache.stats).toMatchObject({ entries: 1, bytes: emptyBytes + 700 + entryOverheadBytes });
  });

  it("does not keep a value larger than an eighth of it, nor what was under its key", () => {
    const cache = createBlobCache<number>({ bytesMax: mebibyte });
    cache.set(keyOf(1), 1, 1000);
    cache.set(keyOf(2), 2, 1000);
    cache.set(keyOf(1), 3, mebibyte / 8);
    expect(cache.get(keyOf(1))).toBeUndefined();
    expect(cache.get(keyOf(2))).toBe(2);
    expect(cache.stats).toMatchObject({ entries: 1, refusals: 1, evictions: 0 });
  });

  it("deletes what it keeps, and says whether it did", () => {
    const cache = createBlobCache<number>({ bytesMax: mebibyte });
    cache.set(keyOf(1), 1, 1000);
    expect(cache.delete(keyOf(1))).toBe(true);
    expect(cache.delete(keyOf(1))).toBe(false);
    expect(cache.get(keyOf(1))).toBeUndefined();
  });

  it("keeps nothing, and takes nothing, with no bytes to fill", () => {
    const cache = createBlobCache<number>({ bytesMax: 0 });
    cache.set(keyOf(1), 1, 0);
    expect(cache.get(keyOf(1))).toBeUndefined();
    expect(cache.stats).toMatchObject({ entries: 0, bytes: 0, refusals: 1 });
  });

  it("charges itself with what it remembers of keys it no longer keeps, which never grows", () => {
    const cache = createBlobCache<number>({ bytesMax: mebibyte });
    const emptyBytes = cache.stats.bytes;
    expect(emptyBytes).toBeGreaterThan(0);
    expect(emptyBytes).toBeLessThanOrEqual(mebibyte / 64);
    for (const number of numbersFrom(0, 50_000)) ask(cache, number, 1000);
    const { entries, bytes } = cache.stats;
    expect(bytes - entries * (1000 + entryOverheadBytes)).toBe(emptyBytes);
  });

  it("counts hits, misses and evictions", () => {
    const cache = createBlobCache<number>({ bytesMax: mebibyte });
    for (const number of numbersFrom(0, 3000)) ask(cache, number, 1000);
    ask(cache, 2999, 1000);
    const { entries, evictions } = cache.stats;
    expect(cache.stats).toMatchObject({ hits: 1, misses: 3000, refusals: 0 });
    expect(entries + evictions).toBe(3000);
    expect(evictions).toBeGreaterThan(0);
  });

  it("counts no miss where one only looks, and nothing where one peeks", () => {
    const cache = createBlobCache<number>({ bytesMax: mebibyte });
    expect([cache.look("a"), cache.peek("a")]).toEqual([undefined, undefined]);
    cache.set("a", 1, 100);
    expect([cache.look("a"), cache.peek("a")]).toEqual([1, 1]);
    expect(cache.stats).toMatchObject({ hits: 1, misses: 0 });
  });

  it("refuses sizes that are no whole number of bytes", () => {
    expect(() => createBlobCache({ bytesMax: -1 })).toThrow("whole bytes");
    expect(() => createBlobCache({ bytesMax: 0.5 })).toThrow("whole bytes");
    const cache = createBlobCache<number>({ bytesMax: mebibyte });
    expect(() => cache.set(keyOf(1), 1, Number.NaN)).toThrow("whole bytes");
    expect(cache.stats.entries).toBe(0);
  });
});
