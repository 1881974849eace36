import type { Histogram } from "../../domain/histogram.ts";

/** What a point is about, by the names of the semantic conventions; values from a bounded set. */
export type Attributes = Readonly<Record<string, string | number>>;

/** A value now. */
export interface Point<T> {
  readonly attributes: Attributes;
  readonly value: T;
}

interface Described {
  /** As OpenTelemetry has it, with dots. */
  readonly name: string;
  /** As UCUM has it: `s`, `By`, `{blob}`. */
  readonly unit: string;
  readonly description: string;
}

/**
 * A metric as it is now. A `total` only grows; a `level` goes up and down, and adds up over several
 * registries; a `gauge` does not.
 */
export type Metric =
  | (Described & {
      readonly kind: "total" | "level" | "gauge";
      readonly points: readonly Point<number>[];
    })
  | (Described & { readonly kind: "histogram"; readonly points: readonly Point<Histogram>[] });

/** One value, about nothing in particular. */
export function only(value: number): readonly Point<number>[] {
  return [{ attributes: {}, value }];
}

/** A value that may not be known. */
export function atMostOne(value: number | null): readonly Point<number>[] {
  return value === null ? [] : only(value);
}
