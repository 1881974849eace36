import { describe, expect, it } from "bun:test";
import { createReadRate } from "../../src/storage/verify-rate.ts";

/** A rate by a clock that its waits and the test move; tells how long it waited. */
function rateOf(bytesPerSecond: number, signal = new AbortController().signal) {
  const clock = { ms: 0 };
  const waits: number[] = [];
  const sleep = async (ms: number) => {
    waits.push(ms);
    clock.ms += ms;
  };
  return {
    rate: createReadRate({ bytesPerSecond, signal, now: () => clock.ms, sleep }),
    clock,
    waits,
  };
}

describe("a rate of reading", () => {
  it("waits as long as what was read should have taken", async () => {
    const { rate, clock, waits } = rateOf(1000);
    await rate.spend(500);
    clock.ms += 200; // the next read
    await rate.spend(500);
    expect(waits).toEqual([500, 300]);
    expect(clock.ms).toBe(1000);
  });

  it("does not wait when reading took longer, nor is that caught up with", async () => {
    const { rate, clock, waits } = rateOf(1000);
    clock.ms = 10_000;
    await rate.spend(500);
    expect(waits).toEqual([]);
    await rate.spend(500);
    expect(waits).toEqual([500]);
  });

  it("gathers waits that are too short to be worth it", async () => {
    const { rate, waits } = rateOf(1_000_000);
    for (let n = 0; n < 100; n += 1) await rate.spend(1000);
    expect(waits.reduce((sum, ms) => sum + ms)).toBe(100);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(5);
  });

  it("lets one step read what is due in a second, and no more than its most", () => {
    expect(rateOf(1000).rate.bytesPerStep(4000)).toBe(1000);
    expect(rateOf(9000).rate.bytesPerStep(4000)).toBe(4000);
  });

  it("waits no longer when it is to stop", async () => {
    const ending = new AbortController();
    const rate = createReadRate({ bytesPerSecond: 1, signal: ending.signal });
    const waiting = rate.spend(1_000_000);
    ending.abort();
    await waiting;
    await rate.spend(1_000_000);
  });
});
