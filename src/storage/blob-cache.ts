import { assert } from "../domain/assert.ts";
import { createAdmission } from "./admission.ts";
import { createEntry, unlink, type Entry } from "./entry-queue.ts";

/** What a cache holds, and has done since it was made. */
interface BlobCacheStats {
  /** Entries held. */
  readonly entries: number;
  /** What the cache is charged with: entries with their overhead, and its own tables. */
  readonly bytes: number;
  /** Answers of `get` with a value and without; those of `look` with one. */
  readonly hits: number;
  readonly misses: number;
  /** Entries dropped for others, those that found no room included. */
  readonly evictions: number;
  /** Values not kept because one alone would take more than an eighth of the cache. */
  readonly refusals: number;
}

/** A cache bounded in bytes. Keys are the 32 lower-case hexadecimal digits of a hash. */
export interface BlobCache<T> {
  /** Always up to date; one object for the life of the cache. */
  readonly stats: BlobCacheStats;
  /** The value kept under `key`. */
  get(key: string): T | undefined;
  /** As `get`, but what is not there is not counted: whoever asks so asks again by `get`. */
  look(key: string): T | undefined;
  /** As `get`, counted in no statistics. */
  peek(key: string): T | undefined;
  /**
   * Keeps `value` for as long as it is worth its room (which may be not at all), in place of what
   * was kept under `key`. `bytes`: what the value costs in memory, a whole number.
   */
  set(key: string, value: T, bytes: number): void;
  /** Drops what is kept under `key`; false if nothing was. */
  delete(key: string): boolean;
  /** Drops everything, and forgets how often it was asked for. `stats` counts on. */
  clear(): void;
}

/**
 * What an entry costs beside its value: 80 bytes its object, about 75 its key, 100 to 140 its slot
 * in the Map, the rest slack of the heap. Measured as growth of the resident set over 1,000,000
 * entries in Bun 1.4.5 by `bench/cache-cost.ts`: 313 to 364, this is the mean.
 */
export const entryOverheadBytes = 336;

/**
 * A cache that takes at most `bytesMax`; 0 keeps nothing. Floods of one-time reads leave what is
 * asked for often where it is. A hit costs a look-up and two additions, and allocates nothing.
 */
export function createBlobCache<T>(options: { readonly bytesMax: number }): BlobCache<T> {
  const { bytesMax } = options;
  assert(Number.isSafeInteger(bytesMax) && bytesMax >= 0, "a cache has whole bytes");
  const entries = new Map<string, Entry<T>>();
  const admission = createAdmission<T>({
    bytesMax,
    onEvict(entry) {
      discount(entry);
      stats.evictions += 1;
    },
  });
  const ownBytes = Math.min(bytesMax, admission.ownBytes);
  const entryBytesMax = Math.floor(admission.entriesBytesMax * entryShareMax);
  const stats = { entries: 0, bytes: ownBytes, hits: 0, misses: 0, evictions: 0, refusals: 0 };

  function discount(entry: Entry<T>): void {
    entries.delete(entry.key);
    stats.entries -= 1;
    stats.bytes -= entry.bytes;
  }

  function drop(key: string): boolean {
    const entry = entries.get(key);
    if (entry === undefined) return false;
    unlink(entry);
    discount(entry);
    return true;
  }

  function peek(key: string): T | undefined {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.hits < hitsMax) entry.hits += 1;
    return entry.value;
  }

  function look(key: string): T | undefined {
    const value = peek(key);
    if (value !== undefined) stats.hits += 1;
    return value;
  }

  return {
    stats,
    get(key) {
      const value = look(key);
      if (value === undefined) stats.misses += 1;
      return value;
    },
    look,
    peek,
    set(key, value, bytes) {
      assert(Number.isSafeInteger(bytes) && bytes >= 0, "a value costs whole bytes");
      drop(key);
      const charge = bytes + entryOverheadBytes;
      if (charge > entryBytesMax) {
        stats.refusals += 1;
        return;
      }
      const entry = createEntry(key, value, charge);
      entries.set(key, entry);
      stats.entries += 1;
      stats.bytes += charge;
      admission.add(entry);
    },
    delete: drop,
    clear() {
      entries.clear();
      admission.clear();
      stats.entries = 0;
      stats.bytes = ownBytes;
    },
  };
}

// --- internal ---

const entryShareMax = 1 / 8;
/** More hits than this between two turns of an entry tell nothing new. */
const hitsMax = 7;
