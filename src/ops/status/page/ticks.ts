import type { Unit } from "../format.ts";

/** Steps between the ticks of a scale, ascending, of which a chart takes the one that fits. */
export function stepsOf(unit: Unit): number[] {
  const isBinary = unit === "bytes" || unit === "bytes/s";
  const [base, factors, from, to] = isBinary
    ? ([1024, binary, 0, 5] as const)
    : ([10, decimal, unit === "count" ? 0 : -6, 12] as const);
  const steps: number[] = [];
  for (let power = from; power <= to; power += 1) {
    for (const factor of factors) {
      // As text, else 0.2 would be 0.20000000000000001.
      steps.push(isBinary ? factor * base ** power : Number(`${factor}e${power}`));
    }
  }
  return steps;
}

/** Where a scale ends that begins at 0: above every value, and not at 0 when all are. */
export function topOf(unit: Unit, most: number | null): number {
  return most === null || most <= 0 ? leastTops[unit] : Math.max(most * 1.1, leastTops[unit] / 100);
}

/**
 * Where the scale of time begins and ends, in seconds: from the first sample to the newest, but two
 * minutes at least, and at most the time that is kept.
 */
export function shownTimes(times: ArrayLike<number>, windowSeconds: number): [number, number] {
  const first = times[0] ?? 0;
  const newest = times[times.length - 1] ?? 0;
  const shown = Math.min(windowSeconds, Math.max(shownSecondsMin, newest - first));
  return [newest - shown, newest];
}

/**
 * Where a scale of powers of ten begins and ends, as the powers, of values that are powers as well:
 * a decade at least.
 */
export function decadesOf(least: number | null, most: number | null): [number, number] {
  if (least === null || most === null) return [-4, 0];
  const from = Math.floor(least);
  return [from, Math.max(Math.ceil(most), from + 1)];
}

/** Values as powers of ten; null: not known, or not a power of ten. */
export function toLogarithms(values: readonly (number | null)[]): (number | null)[] {
  return values.map((value) => (value === null || value <= 0 ? null : Math.log10(value)));
}

/** The places of values that have none beside them: no line leads there, so a dot must. */
export function loneliesOf(values: ArrayLike<number | null | undefined>): number[] {
  const isKnown = (index: number): boolean => typeof values[index] === "number";
  const found: number[] = [];
  for (let index = 0; index < values.length; index += 1) {
    if (isKnown(index) && !isKnown(index - 1) && !isKnown(index + 1)) found.push(index);
  }
  return found;
}

// --- internal ---

const shownSecondsMin = 120;

const binary = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] as const;
const decimal = [1, 2, 5] as const;

const leastTops: Readonly<Record<Unit, number>> = {
  bytes: 1024 ** 2,
  "bytes/s": 1024,
  count: 1,
  "per second": 1,
  ratio: 1,
  seconds: 0.01,
};
