import { expect, test } from "bun:test";
import { createHistogram, record } from "../../src/domain/histogram.ts";

test("a value counts up to the bound that it does not exceed, and in the sum", () => {
  const histogram = createHistogram([1, 2, 4]);
  for (const value of [0, 1, 1.5, 2, 4, 4.1, 100]) record(histogram, value);
  expect([...histogram.counts]).toEqual([2, 2, 1, 2]);
  expect(histogram.sum).toBeCloseTo(112.6);
});

test("without bounds everything is above all of them", () => {
  const histogram = createHistogram([]);
  record(histogram, 5);
  expect([...histogram.counts]).toEqual([1]);
});
