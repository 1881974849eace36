import { createHistogram, durationBounds, type Histogram } from "../domain/histogram.ts";

/** What a batcher did and has to do, in plain numbers. */
export interface BatchCounts {
  /** Items of each batch. */
  readonly sizes: Histogram;
  /** How long each item waited for its batch to begin, in seconds. */
  readonly waits: Histogram;
  /** Items, and their bytes, that wait now. */
  waiting: number;
  waitingBytes: number;
}

/** The kinds of calls that are batched: reads, looks without bytes, questions, uploads. */
export const batchKinds = ["read", "stat", "exists", "write"] as const;

/** Counts of every kind of batch. */
export type BatchCountsByKind = Readonly<Record<(typeof batchKinds)[number], BatchCounts>>;

/** All zero. */
export function createBatchCounts(): BatchCountsByKind {
  return {
    read: createCounts(),
    stat: createCounts(),
    exists: createCounts(),
    write: createCounts(),
  };
}

// --- internal ---

/** Powers of two up to the largest insert. */
const sizeBounds: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128];

function createCounts(): BatchCounts {
  return {
    sizes: createHistogram(sizeBounds),
    waits: createHistogram(durationBounds),
    waiting: 0,
    waitingBytes: 0,
  };
}
