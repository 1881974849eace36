/** How much somebody may have: `amount` every `perMs`, and as much at once. */
export interface Rate {
  readonly amount: number;
  readonly perMs: number;
}

/** What is left to somebody, as the RateLimit field tells it. */
export interface Quota {
  /** Whole units that may be had at once; 0 where there is a debt. */
  readonly remaining: number;
  /** When there will be one more, in ms from now; null: all there can be is there. */
  readonly moreInMs: number | null;
}

/** Token buckets, one for each key. */
export interface TokenBuckets {
  /** Takes `cost` units, at most `amount`, if they are there; says whether they were. */
  take(key: string, cost?: number): boolean;
  /** Takes `cost` units that are owed already: what is not there becomes a debt. */
  spend(key: string, cost: number): void;
  /** Whether nothing is left, not even a part of a unit. */
  isEmpty(key: string): boolean;
  /** How much is used, as a part of all: 0 of a full bucket, 1 of an empty one, more of a debt. */
  usedOf(key: string): number;
  quotaOf(key: string): Quota;
  /** Keys that are remembered. */
  readonly size: number;
}

/** What buckets need. */
export interface TokenBucketsOptions {
  readonly rate: Rate;
  /** Keys remembered at most. */
  readonly keysMax: number;
  /** A clock that never goes back, in ms. */
  readonly nowMs: () => number;
}

/**
 * Token buckets as the generic cell rate algorithm keeps them (ITU-T I.371, annex A): of each only
 * the time at which it will be full again. One that is full is as one that is not there.
 *
 * Keys are kept in two halves: when the newer is full, the older is forgotten, and with it only
 * those who have not come since as many others came. Whoever is forgotten has a full bucket again.
 */
export function createTokenBuckets(options: TokenBucketsOptions): TokenBuckets {
  const { rate, keysMax, nowMs } = options;
  const unitMs = rate.perMs / rate.amount;
  const burstMs = rate.perMs;
  const halfMax = Math.max(1, Math.floor(keysMax / 2));
  let newer = new Map<string, number>();
  let older = new Map<string, number>();

  function fullAtOf(key: string, now: number): number {
    const fullAt = newer.get(key) ?? older.get(key) ?? now;
    return fullAt > now ? fullAt : now;
  }

  function note(key: string, fullAt: number): void {
    if (newer.size >= halfMax && !newer.has(key)) {
      older = newer;
      newer = new Map();
    }
    newer.set(key, fullAt);
  }

  function take(key: string, cost = 1): boolean {
    const now = nowMs();
    const before = fullAtOf(key, now);
    const after = before + cost * unitMs;
    const isThere = after - now <= burstMs + roundingMs;
    note(key, isThere ? after : before); // who is refused has come, too
    return isThere;
  }

  function spend(key: string, cost: number): void {
    note(key, fullAtOf(key, nowMs()) + cost * unitMs);
  }

  function isEmpty(key: string): boolean {
    const now = nowMs();
    const fullAt = fullAtOf(key, now);
    if (fullAt - now < burstMs) return false;
    note(key, fullAt);
    return true;
  }

  function usedOf(key: string): number {
    const now = nowMs();
    return (fullAtOf(key, now) - now) / burstMs;
  }

  function quotaOf(key: string): Quota {
    const now = nowMs();
    const leftMs = burstMs + roundingMs - (fullAtOf(key, now) - now);
    const remaining = Math.max(0, Math.min(rate.amount, Math.floor(leftMs / unitMs)));
    if (remaining === rate.amount) return { remaining, moreInMs: null };
    return { remaining, moreInMs: Math.max(0, (remaining + 1) * unitMs - leftMs) };
  }

  return {
    take,
    spend,
    isEmpty,
    usedOf,
    quotaOf,
    get size() {
      return newer.size + older.size;
    },
  };
}

// --- internal ---

/** Sums of many small costs may come out a little too large; nobody is to lose a unit by that. */
const roundingMs = 1e-6;
