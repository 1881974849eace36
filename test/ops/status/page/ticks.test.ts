import { describe, expect, it } from "bun:test";
import {
  decadesOf,
  loneliesOf,
  shownTimes,
  stepsOf,
  toLogarithms,
  topOf,
} from "../../../../src/ops/status/page/ticks.ts";

const units = ["bytes", "bytes/s", "count", "per second", "ratio", "seconds"] as const;

describe("stepsOf", () => {
  it.each(units)("ascend for %s, none far above the one before", (unit) => {
    const steps = stepsOf(unit);
    for (const [index, step] of steps.entries()) {
      const before = steps[index - 1] ?? step / 2;
      expect(step / before).toBeGreaterThan(1);
      expect(step / before).toBeLessThan(2.6);
    }
  });

  it("are powers of two for bytes, and whole for what is counted", () => {
    expect(stepsOf("bytes").every((step) => Number.isInteger(Math.log2(step)))).toBe(true);
    expect(stepsOf("count").every(Number.isInteger)).toBe(true);
    expect(stepsOf("seconds")).toContain(0.002);
  });
});

describe("topOf", () => {
  it.each(units)("is above every value of %s, and above 0", (unit) => {
    expect(topOf(unit, null)).toBeGreaterThan(0);
    expect(topOf(unit, 0)).toBeGreaterThan(0);
    for (const most of [1e-6, 0.5, 1, 1e9]) expect(topOf(unit, most)).toBeGreaterThan(most);
  });
});

describe("shownTimes", () => {
  it("are two minutes, then all, then the window; they end with the newest", () => {
    expect(shownTimes([1000], 900)).toEqual([880, 1000]);
    expect(shownTimes([1000, 1100], 900)).toEqual([980, 1100]);
    expect(shownTimes([1000, 1500], 900)).toEqual([1000, 1500]);
    expect(shownTimes([1000, 1950], 900)).toEqual([1050, 1950]);
  });
});

describe("decadesOf", () => {
  it("holds all values, and a decade at least", () => {
    expect(decadesOf(-3.5, -1.2)).toEqual([-4, -1]);
    expect(decadesOf(-3.5, -3.4)).toEqual([-4, -3]);
    expect(decadesOf(-3, -3)).toEqual([-3, -2]);
    expect(decadesOf(null, null)).toEqual([-4, 0]);
  });
});

describe("toLogarithms", () => {
  it("knows none of what is not known, and of 0", () => {
    expect(toLogarithms([100, null, 0, 0.1])).toEqual([2, null, null, -1]);
  });
});

describe("loneliesOf", () => {
  it("are those with nothing on either side", () => {
    expect(loneliesOf([1, null, 2, 3, null, null, 4])).toEqual([0, 6]);
    expect(loneliesOf([null, 0, undefined])).toEqual([1]);
    expect(loneliesOf([])).toEqual([]);
  });
});
