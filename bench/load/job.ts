import { type Family } from "./blobs.ts";

/** What is asked for, again and again. */
export type Ask =
  | {
      readonly kind: "get";
      readonly family: Family;
      /** Its blobs 0 to `count` - 1. */
      readonly count: number;
      /** Whether every other key is given by its first 32 digits only. */
      readonly isMixed?: boolean;
    }
  | { readonly kind: "post-new"; readonly family: Family; readonly first: number }
  | { readonly kind: "post-known"; readonly family: Family; readonly count: number };

/** A slice of load: one request under way a connection. */
export interface Job {
  readonly port: number;
  readonly connections: number;
  readonly ask: Ask;
  readonly durationMs: number;
  /** Open loop: so many are due a second, whatever the server does; left out: closed loop. */
  readonly ratePerSecond?: number;
  /** So many requests, one after the other and not at random, and no more. */
  readonly once?: number;
  /** Cuts what is under way at the end instead of waiting for it. */
  readonly isCut?: boolean;
  /** Against the null responder, whose answers mean nothing. */
  readonly isUnchecked?: boolean;
}

/** What came of a slice. */
export interface Outcome {
  /** Requests answered within the slice. */
  readonly answered: number;
  readonly elapsedMs: number;
  readonly perSecond: number;
  /** From when a request was sent, or due in the open loop, to its whole answer. */
  readonly p50Us: number;
  readonly p99Us: number;
  /** What was not as it must be; empty when all was well. */
  readonly failures: readonly string[];
}
