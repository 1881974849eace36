import type { Rate, TokenBuckets } from "./token-buckets.ts";

/** Takes from buckets for requests of which, most of the time, only some are looked at. */
export interface Sampling {
  /** Whether the next request may pass without a look at whose it is: nothing is charged. */
  passes(): boolean;
  /** Charges whose request did not pass, for those that did too; says whether it was there. */
  takeForMany(key: string): boolean;
  /** Charges one request, and that alone. */
  take(key: string): boolean;
  /** Whether each request is looked at, and charged alone. */
  readonly isCounting: boolean;
}

/** What sampling needs. */
export interface SamplingOptions {
  readonly rate: Rate;
  readonly buckets: Pick<TokenBuckets, "take" | "usedOf">;
  /** The clock of the buckets, in ms. */
  readonly nowMs: () => number;
  /** At least 0, less than 1; nobody is to know what comes next. */
  readonly random?: () => number;
}

/**
 * While everybody has at least half of their bucket, one of every `samplingEvery` requests is
 * charged for all of them: which one of each so many is chosen at random, so that nobody can let
 * others pay. As soon as somebody has less, each request is looked at and charged alone, until
 * nobody has for as long as it takes to have half of a bucket again. So nobody is refused, or let
 * pass, by chance; chance only decides how much of the first half of a bucket is charged.
 */
export function createSampling(options: SamplingOptions): Sampling {
  const { rate, buckets, nowMs, random = Math.random } = options;
  const every = samplingEvery(rate);
  const calmMs = rate.perMs / 2;
  let position = every - 1; // of the one that was looked at last, among its so many
  let untilLook = 0;
  let isCounting = every === 1;
  let countsUntilMs = 0;

  function choose(): void {
    const chosen = Math.floor(random() * every);
    untilLook = every - position + chosen;
    position = chosen;
  }

  function note(key: string): void {
    if (every === 1) return;
    if (buckets.usedOf(key) > usedMax) {
      isCounting = true;
      countsUntilMs = nowMs() + calmMs;
    } else if (isCounting && nowMs() >= countsUntilMs) {
      isCounting = false;
      position = every - 1;
      choose();
    }
  }

  function charge(key: string, cost: number): boolean {
    const isTaken = buckets.take(key, cost);
    note(key);
    return isTaken;
  }

  choose();
  return {
    passes() {
      if (isCounting) return false;
      untilLook -= 1;
      return untilLook > 0;
    },
    takeForMany(key) {
      if (isCounting) return charge(key, 1);
      choose();
      return charge(key, every);
    },
    take: (key) => charge(key, 1),
    get isCounting() {
      return isCounting;
    },
  };
}

/** One of how many requests is looked at: each where a bucket is small, at most one of 16. */
export function samplingEvery({ amount }: Rate): number {
  return Math.min(everyMax, 1 + Math.floor(amount / amountPerStep));
}

// --- internal ---

/** Fewer looks would hardly cost less. */
const everyMax = 16;

/**
 * Half of a bucket is `amount / 2` requests. Of as many, among those of others, one of `every` is
 * looked at: the square root of `amount / 2 * (every - 1)` is how far chance may be off, by its
 * standard deviation, and with this step that is at most 4.4 % of `amount`, whatever it is.
 */
const amountPerStep = 256;

/** Beyond so much each is counted. */
const usedMax = 1 / 2;
