import type { ErrorCode } from "./errors.ts";

/**
 * What the registry has done since it started, in plain numbers: counting costs an addition and
 * nothing else. One object for the whole house, made by `ops/app.ts`.
 */
export interface Counters {
  /** Blobs stored that were not there before, and uploads of blobs that were. */
  blobsCreated: number;
  blobsKnown: number;
  /** Stored bytes that were found bad on an upload of the true ones, and replaced. */
  blobsRepaired: number;
  /** Reads that found stored bytes that do not match their key. */
  blobsCorrupt: number;
  /** Blob bytes received (and stored) and sent; and, of those received, those of new blobs. */
  bytesReceived: number;
  bytesStored: number;
  bytesSent: number;
  /** Abandoned uploads whose segments were removed. */
  uploadsSwept: number;
  /** Answers by status, e.g. `{200: 12, 404: 1}`. */
  readonly responses: Record<number, number>;
  /** Refusals and failures that a client was told, by code. */
  readonly refusals: Partial<Record<ErrorCode, number>>;
}

/** All zero. */
export function createCounters(): Counters {
  return {
    blobsCreated: 0,
    blobsKnown: 0,
    blobsRepaired: 0,
    blobsCorrupt: 0,
    bytesReceived: 0,
    bytesStored: 0,
    bytesSent: 0,
    uploadsSwept: 0,
    responses: {},
    refusals: {},
  };
}

/** Counts a refusal. */
export function countRefusal({ refusals }: Pick<Counters, "refusals">, code: ErrorCode): void {
  refusals[code] = (refusals[code] ?? 0) + 1;
}
