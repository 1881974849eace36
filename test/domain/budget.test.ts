import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { createBudget, type Budget } from "../../src/domain/budget.ts";
import { limits } from "../../src/domain/limits.ts";
import { codeRejectedBy } from "../support/error-code.ts";

const mebibyte = 1024 * 1024;
const bytesMax = 16 * mebibyte;
const forLarge = 14 * mebibyte;

/** Timers that ring when the test says so, in the order of their time. */
function createClock() {
  const timers = new Map<() => void, number>();
  let nowMs = 0;
  return {
    startTimer(ring: () => void, ms: number) {
      timers.set(ring, nowMs + ms);
      return () => void timers.delete(ring);
    },
    pass(ms: number) {
      nowMs += ms;
      for (const [ring, at] of timers) {
        if (at > nowMs || !timers.delete(ring)) continue;
        ring();
      }
    },
    timers: () => timers.size,
  };
}

function open() {
  const clock = createClock();
  return { clock, budget: createBudget({ bytesMax, startTimer: clock.startTimer }) };
}

/** Waits for a part; tells whether it has come. */
function waitFor(budget: Budget, bytes: number) {
  const state = { came: false, failed: false };
  budget.take(bytes).then(
    () => (state.came = true),
    () => (state.failed = true),
  );
  return state;
}

const settled = async (): Promise<void> => await Bun.sleep(0);

describe("createBudget", () => {
  it("gives what there is at once, and no more", () => {
    const { budget } = open();
    expect(budget.tryTake(10 * mebibyte)).toBe(true);
    expect(budget.tryTake(4 * mebibyte + 1)).toBe(false);
    expect(budget.tryTake(4 * mebibyte)).toBe(true);
    expect(budget.counts).toEqual({ bytesMax, bytesTaken: forLarge, waiting: 0 });
    budget.give(10 * mebibyte);
    expect(budget.tryTake(10 * mebibyte)).toBe(true);
  });

  it("keeps its last eighth for small requests, to the last byte", () => {
    const { budget } = open();
    expect(budget.tryTake(forLarge)).toBe(true);
    expect(budget.tryTake(limits.smallTransferBytesMax + 1)).toBe(false);
    for (let taken = 0; taken < 2 * mebibyte; taken += limits.smallTransferBytesMax) {
      expect(budget.tryTake(limits.smallTransferBytesMax)).toBe(true);
    }
    expect(budget.tryTake(1)).toBe(false);
    expect(budget.tryTake(0)).toBe(true);
  });

  it("lets wait, first come, first served, and nobody overtake", async () => {
    const { budget } = open();
    await budget.take(forLarge);
    const first = waitFor(budget, 8 * mebibyte);
    const second = waitFor(budget, mebibyte);
    expect(budget.counts.waiting).toBe(2);
    budget.give(4 * mebibyte);
    await settled();
    expect([first.came, second.came]).toEqual([false, false]);
    expect(budget.tryTake(mebibyte)).toBe(false);
    budget.give(4 * mebibyte);
    await settled();
    expect([first.came, second.came]).toEqual([true, false]);
    budget.give(mebibyte);
    await settled();
    expect(second.came).toBe(true);
    expect(budget.counts).toEqual({ bytesMax, bytesTaken: forLarge, waiting: 0 });
  });

  it("lets small requests pass by large ones that wait", async () => {
    const { budget } = open();
    await budget.take(forLarge);
    const large = waitFor(budget, mebibyte);
    expect(budget.tryTake(1000)).toBe(true);
    budget.give(1000);
    await settled();
    expect(large.came).toBe(false);
  });

  it("refuses who has waited too long, and lets go those behind who now fit", async () => {
    const { budget, clock } = open();
    await budget.take(8 * mebibyte);
    const first = budget.take(8 * mebibyte);
    clock.pass(limits.budgetWaitMsMax / 2);
    const second = waitFor(budget, mebibyte);
    clock.pass(limits.budgetWaitMsMax / 2);
    expect(await codeRejectedBy(first)).toBe("overloaded");
    await settled();
    expect(second.came).toBe(true);
    expect(budget.counts).toEqual({ bytesMax, bytesTaken: 9 * mebibyte, waiting: 0 });
    expect(clock.timers()).toBe(0);
  });

  it("lets only so many wait, small ones and large ones apart", async () => {
    const { budget } = open();
    await budget.take(forLarge);
    const large = () => waitFor(budget, mebibyte);
    const waiting = Array.from({ length: limits.budgetWaitersMax }, large);
    expect(await codeRejectedBy(budget.take(mebibyte))).toBe("overloaded");
    for (let taken = forLarge; taken < bytesMax; taken += 32_768) await budget.take(32_768);
    const small = waitFor(budget, 32_768);
    await settled();
    expect(small.failed).toBe(false);
    expect(waiting.some(({ failed }) => failed)).toBe(false);
  });

  it("has a clock of its own", async () => {
    const budget = createBudget({ bytesMax, waitMsMax: 1 });
    await budget.take(forLarge);
    expect(await codeRejectedBy(budget.take(mebibyte))).toBe("overloaded");
  });

  it("does not let anybody give back twice, or ask for more than there ever is", async () => {
    const { budget } = open();
    await budget.take(1000);
    budget.give(1000);
    expect(() => budget.give(1)).toThrow("given back twice");
    expect(() => open().budget.take(forLarge + 1)).toThrow("within the budget");
  });

  it("is at zero when all is over, and never above its bounds, whatever happens", async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("take"), bytes: fc.nat(9 * mebibyte) }),
      fc.record({ kind: fc.constant("take"), bytes: fc.nat(limits.smallTransferBytesMax) }),
      fc.record({ kind: fc.constant("give"), which: fc.nat() }),
      fc.record({ kind: fc.constant("pass"), ms: fc.nat(600) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 200 }), async (steps) => {
        const { budget, clock } = open();
        const held: number[] = [];
        let asked = 0;
        let answered = 0;
        for (const next of steps) {
          if ("bytes" in next) {
            asked += 1;
            budget
              .take(next.bytes)
              .then(() => void held.push(next.bytes))
              .catch(() => {})
              .finally(() => (answered += 1));
          } else if ("which" in next) {
            const [bytes = 0] = held.splice(next.which % Math.max(1, held.length), 1);
            budget.give(bytes);
          } else {
            clock.pass(next.ms);
          }
          await settled();
          const taken = held.reduce((sum, bytes) => sum + bytes, 0);
          expect(budget.counts.bytesTaken).toBe(taken);
          expect(taken).toBeLessThanOrEqual(bytesMax);
          expect(budget.counts.waiting).toBe(asked - answered);
          expect(clock.timers()).toBe(asked - answered);
        }
        clock.pass(2 * limits.budgetWaitMsMax);
        await settled();
        for (const bytes of held.splice(0)) budget.give(bytes);
        expect(budget.counts).toEqual({ bytesMax, bytesTaken: 0, waiting: 0 });
        expect([answered, clock.timers()]).toEqual([asked, 0]);
      }),
      { numRuns: 100 },
    );
  });
});
