import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { createTokenBuckets, type Rate } from "../../src/rate-limit/token-buckets.ts";

const fivePerMinute: Rate = { amount: 5, perMs: 60_000 };

function bucketsAt(rate: Rate, keysMax = 1000) {
  const clock = { ms: 0 };
  return { clock, buckets: createTokenBuckets({ rate, keysMax, nowMs: () => clock.ms }) };
}

describe("take", () => {
  it("gives what there is at once, and then one by one", () => {
    const { clock, buckets } = bucketsAt(fivePerMinute);
    for (let each = 0; each < 5; each += 1) expect(buckets.take("a")).toBe(true);
    expect(buckets.take("a")).toBe(false);
    clock.ms = 11_999;
    expect(buckets.take("a")).toBe(false);
    clock.ms = 12_000;
    expect(buckets.take("a")).toBe(true);
    expect(buckets.take("a")).toBe(false);
  });

  it("takes nothing when it refuses, and nothing from others", () => {
    const { clock, buckets } = bucketsAt(fivePerMinute);
    expect(buckets.take("a", 4)).toBe(true);
    for (let each = 0; each < 10; each += 1) expect(buckets.take("a", 2)).toBe(false);
    expect(buckets.take("a")).toBe(true);
    expect(buckets.take("b", 5)).toBe(true);
    clock.ms = 60_000;
    expect(buckets.take("a", 5)).toBe(true);
  });

  it("is never more generous than the rate, nor stingier, whatever comes when", () => {
    const step = fc.record({ afterMs: fc.nat(3000), cost: fc.integer({ min: 1, max: 4 }) });
    const rate = fc.record({ amount: fc.integer({ min: 4, max: 50 }), perMs: fc.nat(60_000) });
    fc.assert(
      fc.property(rate, fc.array(step, { maxLength: 60 }), ({ amount, perMs }, steps) => {
        const per = perMs + 1;
        const { clock, buckets } = bucketsAt({ amount, perMs: per });
        // The bucket as it is told of: a number of units that grows with time, up to `amount`.
        let units = amount;
        for (const { afterMs, cost } of steps) {
          clock.ms += afterMs;
          units = Math.min(amount, units + (afterMs * amount) / per);
          if (Math.abs(units - cost) < 1e-6) continue; // who is right there, rounding decides
          const isThere = units >= cost;
          expect(buckets.take("a", cost)).toBe(isThere);
          if (isThere) units -= cost;
        }
      }),
    );
  });
});

describe("spend", () => {
  it("leaves a debt, which time pays", () => {
    const { clock, buckets } = bucketsAt({ amount: 100, perMs: 1000 });
    buckets.spend("a", 250);
    expect(buckets.isEmpty("a")).toBe(true);
    expect(buckets.take("a")).toBe(false);
    clock.ms = 1500;
    expect(buckets.isEmpty("a")).toBe(true);
    clock.ms = 1501;
    expect(buckets.isEmpty("a")).toBe(false);
    clock.ms = 1510;
    expect(buckets.take("a")).toBe(true);
  });
});

describe("quotaOf", () => {
  it("tells what is left, and when there is one more", () => {
    const { clock, buckets } = bucketsAt(fivePerMinute);
    expect(buckets.quotaOf("a")).toEqual({ remaining: 5, moreInMs: null });
    buckets.take("a", 5);
    const empty = buckets.quotaOf("a");
    expect(empty.remaining).toBe(0);
    expect(empty.moreInMs).toBeCloseTo(12_000, 3);
    clock.ms = 13_000;
    const one = buckets.quotaOf("a");
    expect(one.remaining).toBe(1);
    expect(one.moreInMs).toBeCloseTo(11_000, 3);
    clock.ms = 60_000;
    expect(buckets.quotaOf("a")).toEqual({ remaining: 5, moreInMs: null });
  });

  it("of a debt tells when all of it is paid, and one is there", () => {
    const { buckets } = bucketsAt(fivePerMinute);
    buckets.spend("a", 8);
    expect(buckets.quotaOf("a").remaining).toBe(0);
    expect(buckets.quotaOf("a").moreInMs).toBeCloseTo(48_000, 3);
  });

  it("never promises too much, nor too late", () => {
    const rate = fc.record({ amount: fc.integer({ min: 1, max: 1000 }), perMs: fc.nat(10_000) });
    fc.assert(
      fc.property(rate, fc.array(fc.nat(50), { maxLength: 40 }), ({ amount, perMs }, waits) => {
        const { clock, buckets } = bucketsAt({ amount, perMs: perMs + 1 });
        for (const ms of waits) {
          clock.ms += ms;
          buckets.take("a");
        }
        const { remaining, moreInMs } = buckets.quotaOf("a");
        if (moreInMs === null) expect(remaining).toBe(amount);
        else clock.ms += moreInMs + 1e-6; // what rounding takes
        const expected = moreInMs === null ? remaining : remaining + 1;
        expect(buckets.take("a", expected)).toBe(true);
        expect(buckets.take("a")).toBe(false);
      }),
    );
  });
});

describe("quotaOf a rate that is as good as none", () => {
  it("never tells of more than there may be", () => {
    const rate = { amount: 10 ** 14, perMs: 1000 };
    const { buckets } = bucketsAt(rate);
    expect(buckets.quotaOf("a").remaining).toBe(rate.amount);
  });
});

describe("usedOf", () => {
  it("tells how much is used of all, and of a debt", () => {
    const { clock, buckets } = bucketsAt({ amount: 100, perMs: 1000 });
    expect(buckets.usedOf("a")).toBe(0);
    buckets.take("a", 50);
    expect(buckets.usedOf("a")).toBe(0.5);
    buckets.spend("a", 100);
    expect(buckets.usedOf("a")).toBe(1.5);
    clock.ms = 1250;
    expect(buckets.usedOf("a")).toBe(0.25);
  });
});

describe("the keys remembered", () => {
  it("are never more than there may be, however many come", () => {
    const { buckets } = bucketsAt(fivePerMinute, 100);
    for (let key = 0; key < 10_000; key += 1) {
      buckets.take(String(key));
      expect(buckets.size).toBeLessThanOrEqual(100);
    }
  });

  it("keep who comes again and again and is refused, while others pass by", () => {
    const { buckets } = bucketsAt(fivePerMinute, 100);
    buckets.take("a", 5);
    buckets.spend("b", 8);
    for (let key = 0; key < 1000; key += 1) {
      buckets.spend(String(key), 1);
      if (key % 40 !== 0) continue;
      expect(buckets.take("a")).toBe(false);
      expect(buckets.isEmpty("b")).toBe(true);
    }
  });

  it("work with room for one", () => {
    const { buckets } = bucketsAt(fivePerMinute, 1);
    expect(buckets.take("a", 5)).toBe(true);
    expect(buckets.take("a")).toBe(false);
    expect(buckets.take("b", 5)).toBe(true);
    expect(buckets.size).toBeLessThanOrEqual(2);
  });
});
