import { type Bench } from "./bench.ts";
import { type Spread } from "./spread.ts";

/** What a ratio must reach: at most or at least so much. */
export interface Target {
  readonly isAtMost?: boolean;
  readonly mustReach?: number;
  readonly wanted: number;
}

/** A line of the table. */
export interface Figure {
  readonly what: string;
  /** The plain figures of the sides, in words. */
  readonly measured: string;
  /** What counts: a ratio, or a figure of its own with its unit. */
  readonly counts?: Spread;
  readonly unit?: "×" | "MiB" | "ms";
  readonly target?: Target;
  /** How many times faster the generator is against a server that does nothing. */
  readonly headroom?: number;
  /** Why it does not count, or was not measured. */
  readonly failures?: readonly string[];
  readonly skipped?: string;
}

/** Some lines of the table, measured together. */
export interface Row {
  readonly name: string;
  readonly measure: (bench: Bench) => Promise<readonly Figure[]>;
}
