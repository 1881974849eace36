import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { createHistogram, record } from "../../../src/domain/histogram.ts";
import { quantileOf } from "../../../src/ops/status/quantile.ts";

const bounds = [1, 2, 4];

describe("quantileOf", () => {
  it.each([
    ["spread evenly within a bucket", [0, 4, 0, 0], 0.5, 1.5],
    ["from 0 in the first", [10, 0, 0, 0], 0.9, 0.9],
    ["the upper bound at the last of a bucket", [1, 1, 0, 0], 1, 2],
    ["in the bucket where the rank is reached, past empty ones", [1, 0, 1, 0], 0.75, 3],
    ["the last bound above all bounds", [0, 0, 0, 5], 0.5, 4],
    ["the lower bound of the first that has any, of rank 0", [0, 3, 0, 0], 0, 1],
  ])("is %s", (...row) => {
    const [, counts, q, expected] = row;
    expect(quantileOf(bounds, counts, q)).toBeCloseTo(expected, 12);
  });

  it("is NaN when nothing was counted", () => {
    expect(quantileOf(bounds, [0, 0, 0, 0], 0.5)).toBeNaN();
    expect(quantileOf([], [0], 0.5)).toBeNaN();
  });

  it("lies in the bucket of the true one, and grows with its rank", () => {
    const edges = [0, ...bounds];
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.01, max: 4, noNaN: true }), { minLength: 1 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (values, q) => {
          const histogram = createHistogram(bounds);
          for (const value of values) record(histogram, value);
          const sorted = values.toSorted((a, b) => a - b);
          const exact = sorted[Math.ceil(q * values.length) - 1] ?? 0;
          const found = quantileOf(bounds, histogram.counts, q);
          const upper = bounds.find((bound) => exact <= bound) ?? 0;
          expect(found).toBeLessThanOrEqual(upper);
          expect(found).toBeGreaterThanOrEqual(edges[bounds.indexOf(upper)] ?? 0);
          expect(quantileOf(bounds, histogram.counts, q / 2)).toBeLessThanOrEqual(found);
        },
      ),
    );
  });
});
