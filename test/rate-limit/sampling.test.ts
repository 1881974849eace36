import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { createSampling, samplingEvery } from "../../src/rate-limit/sampling.ts";
import { createTokenBuckets, type Rate } from "../../src/rate-limit/token-buckets.ts";

/** The same numbers for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function samplingAt(rate: Rate, seed = 1) {
  const clock = { ms: 0 };
  const nowMs = (): number => clock.ms;
  const buckets = createTokenBuckets({ rate, keysMax: 1000, nowMs });
  const sampling = createSampling({ rate, buckets, nowMs, random: randomOf(seed) });
  const counts = { looks: 0 };
  /** One request: whether it is answered. */
  function ask(key: string): boolean {
    if (sampling.passes()) return true;
    counts.looks += 1;
    return sampling.takeForMany(key);
  }
  return { clock, buckets, sampling, counts, ask };
}

const repeated = <T>(count: number, act: () => T): T[] => Array.from({ length: count }, act);
const granted = (answers: readonly boolean[]): number => answers.filter(Boolean).length;

describe("samplingEvery", () => {
  it.each([
    [1, 1],
    [255, 1],
    [256, 2],
    [511, 2],
    [768, 4],
    [3839, 15],
    [3840, 16],
    [1_000_000, 16],
  ])("of %d requests at once looks at one of %d", (amount, every) => {
    expect(samplingEvery({ amount, perMs: 1000 })).toBe(every);
  });
});

describe("a small limit", () => {
  it("is exact", () => {
    const { ask, sampling, clock } = samplingAt({ amount: 5, perMs: 60_000 });
    expect(repeated(7, () => ask("a"))).toEqual([true, true, true, true, true, false, false]);
    expect(ask("b")).toBe(true);
    expect(sampling.isCounting).toBe(true);
    clock.ms = 12_000;
    expect(repeated(2, () => ask("a"))).toEqual([true, false]);
  });
});

describe("a large limit", () => {
  const rate: Rate = { amount: 16_000, perMs: 1000 };

  it("looks at one of so many, whose place nobody knows", () => {
    const { ask, counts, buckets, clock } = samplingAt(rate);
    const places = new Set<number>();
    for (let block = 0; block < 1000; block += 1) {
      clock.ms += 100; // long enough for the bucket to be full again
      for (let place = 0; place < 16; place += 1) {
        const { looks } = counts;
        expect(ask("a")).toBe(true);
        if (counts.looks > looks) places.add(place);
      }
      expect(counts.looks).toBe(block + 1);
    }
    expect(places.size).toBe(16);
    expect(buckets.usedOf("a")).toBeLessThan(0.01);
  });

  it("lets one client have what it may, but for one block", () => {
    const { ask } = samplingAt(rate);
    const count = granted(repeated(40_000, () => ask("a")));
    expect(Math.abs(count - rate.amount)).toBeLessThanOrEqual(16);
  });

  it("counts each as soon as somebody has used half, and until nobody has", () => {
    const { ask, sampling, clock, counts } = samplingAt(rate);
    repeated(7900, () => ask("a"));
    expect(sampling.isCounting).toBe(false);
    repeated(200, () => ask("a"));
    expect(sampling.isCounting).toBe(true);
    clock.ms = 499;
    ask("b");
    expect(sampling.isCounting).toBe(true);
    clock.ms = 600;
    ask("b");
    expect(sampling.isCounting).toBe(false);
    const { looks } = counts;
    repeated(160, () => ask("b"));
    expect(counts.looks).toBe(looks + 10);
  });

  it("lets nobody pay for others, whoever comes between", () => {
    // One asks for far too much, the other for a hundredth of what it may.
    const { ask, clock } = samplingAt(rate);
    let modest = 0;
    let greedy = 0;
    for (let ms = 0; ms < 5000; ms += 1) {
      clock.ms = ms;
      greedy += granted(repeated(40, () => ask("greedy")));
      if (ms % 6 === 0) modest += Number(ask("modest"));
    }
    expect(modest).toBe(834); // all of them
    const allowed = rate.amount + (4999 * rate.amount) / rate.perMs;
    expect(Math.abs(greedy / allowed - 1)).toBeLessThan(0.02);
  });

  it("charges what routes take, too", () => {
    const { ask, sampling } = samplingAt(rate);
    expect(granted(repeated(10_000, () => sampling.take("a")))).toBe(10_000);
    expect(sampling.isCounting).toBe(true);
    expect(granted(repeated(10_000, () => ask("a")))).toBe(6000);
  });
});

describe("what is let pass", () => {
  it("stays within a fifth of a bucket of what the rate allows, however many come at once", () => {
    const amount = fc.integer({ min: 256, max: 50_000 });
    const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 });
    const seed = fc.integer();
    // Four and a half standard deviations of the part that chance decides: see sampling.ts.
    const partMax = 0.2;
    fc.assert(
      fc.property(amount, weights, seed, (each, shares, chance) => {
        const rate = { amount: each, perMs: 1000 };
        const { ask, clock } = samplingAt(rate, chance);
        const random = randomOf(chance + 1);
        const keys = shares.flatMap((share, key) => Array<number>(share).fill(key));
        const asked = shares.map(() => 0);
        const had = shares.map(() => 0);
        // Two seconds, of about twice what all of them together may have.
        const perStep = Math.ceil((2 * each * shares.length) / 100);
        for (let step = 0; step < 200; step += 1) {
          clock.ms = 10 * step;
          for (let request = 0; request < perStep; request += 1) {
            const key = keys[Math.floor(random() * keys.length)] ?? 0;
            asked[key] = (asked[key] ?? 0) + 1;
            if (ask(String(key))) had[key] = (had[key] ?? 0) + 1;
          }
        }
        const allowed = each * (1 + 1.99);
        for (const [key, count] of had.entries()) {
          expect(count).toBeLessThanOrEqual(allowed + partMax * each);
          const least = Math.min(asked[key] ?? 0, allowed);
          expect(count).toBeGreaterThanOrEqual(least - partMax * each - 1);
        }
      }),
      { numRuns: 30 },
    );
  });
});
