import { newTraceIdOf, randomWord, wordOf } from "./ids.ts";

/** Which traces are recorded. */
export interface SamplerOptions {
  /** Whether a trace under way is recorded just where whoever began it records it. */
  readonly isParentBased: boolean;
  /** The part of all other traces that is recorded, 0 to 1. */
  readonly ratio: number;
}

/** Decides which traces are recorded. */
export interface Sampler {
  /** The identity of a trace that begins here; null: it is not recorded, and needs none. */
  begins(): string | null;
  /** Whether a trace under way is recorded here; `isSampled` is what came with it. */
  continues(traceId: string, isSampled: boolean): boolean;
}

/**
 * A sampler as OpenTelemetry's SDK for JavaScript has it: of one trace, it and all who use the same
 * ratio decide alike. What is not recorded costs a random number.
 */
export function createSampler({ isParentBased, ratio }: SamplerOptions): Sampler {
  const bound = ratio >= 1 ? 2 ** 32 : Math.floor(Math.max(0, ratio) * (2 ** 32 - 1));
  return {
    begins() {
      const word = randomWord();
      return word < bound ? newTraceIdOf(word) : null;
    },
    continues: (traceId, isSampled) => (isParentBased ? isSampled : wordOf(traceId) < bound),
  };
}
