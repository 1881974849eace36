/** What the page shows, as it asks for it: JSON. A figure that is not known is null. */
export interface Snapshot {
  /** When it was made: ms since 1970, as all times here. */
  readonly nowMs: number;
  readonly periodMs: number;
  readonly windowMs: number;
  /** What runs. */
  readonly about: Readonly<Record<string, string>>;
  readonly uptimeSeconds: number;
  readonly checks: readonly Check[];
  readonly totals: Readonly<Record<string, number | null>>;
  readonly refusals: readonly Refusals[];
  /** When samples were taken, and their figures by name. */
  readonly times: readonly number[];
  readonly figures: Readonly<Record<string, readonly (number | null)[]>>;
}

/** A check of readiness. */
export interface Check {
  readonly name: string;
  readonly status: string;
  readonly detail: string;
}

/** Refusals of one code: in the time that the charts show, and since the start. */
export interface Refusals {
  readonly code: string;
  readonly recent: number;
  readonly total: number;
}
