import { LRUCache } from "lru-cache";
import { entryShareMax, type CachePolicy } from "./policy.ts";

/** Least recently used, by the library everybody knows: the baseline. */
export function createLru(bytesMax: number): CachePolicy {
  const cache = new LRUCache<string, true>({
    maxSize: bytesMax,
    maxEntrySize: Math.floor(bytesMax * entryShareMax),
  });
  return {
    get: (key) => cache.get(key) !== undefined,
    set: (key, bytes) => {
      cache.set(key, true, { size: bytes });
    },
  };
}
