/** How many values fell between which bounds: plain numbers, recorded in a few nanoseconds. */
export interface Histogram {
  /** Upper bounds, inclusive, ascending. */
  readonly bounds: readonly number[];
  /** Values up to each bound and above the one before; the last: above all of them. */
  readonly counts: Float64Array;
  /** Of all values. */
  sum: number;
}

/** An empty histogram. */
export function createHistogram(bounds: readonly number[]): Histogram {
  return { bounds, counts: new Float64Array(bounds.length + 1), sum: 0 };
}

/** Counts a value, which is a number. Allocates nothing. */
export function record(histogram: Histogram, value: number): void {
  const { bounds, counts } = histogram;
  let index = 0;
  while (value > (bounds[index] ?? Infinity)) index += 1;
  counts[index] = (counts[index] ?? 0) + 1;
  histogram.sum += value;
}

/**
 * Bounds of durations in seconds: those of the semantic conventions for HTTP (5 ms to 10 s), and
 * finer ones below, where a cached blob and a statement are.
 */
export const durationBounds: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1,
  2.5, 5, 7.5, 10,
];
