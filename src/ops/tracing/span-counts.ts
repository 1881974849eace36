/** What became of spans, in plain numbers. */
export interface SpanCounts {
  /** A receiver took them. */
  exported: number;
  /** They came when too many waited. */
  dropped: number;
  /** No receiver took them, however often they were sent. */
  failed: number;
}

/** All zero. */
export function createSpanCounts(): SpanCounts {
  return { exported: 0, dropped: 0, failed: 0 };
}
