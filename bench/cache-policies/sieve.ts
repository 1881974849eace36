import { append, createEntry, createEntryQueue, unlink } from "../../src/storage/entry-queue.ts";
import { type Entry } from "../../src/storage/entry-queue.ts";
import { entryShareMax, type CachePolicy } from "./policy.ts";

/** SIEVE (Zhang and others, NSDI 2024): one queue, one bit, a hand that stays where it was. */
export function createSieve(bytesMax: number): CachePolicy {
  const entries = new Map<string, Entry<null>>();
  const queue = createEntryQueue<null>();
  let hand: Entry<null> | null = null;

  function evict(): void {
    let entry = hand ?? queue.oldest;
    while (entry !== null && entry.hits > 0) {
      entry.hits = 0;
      entry = entry.newer ?? queue.oldest;
    }
    if (entry === null) return;
    hand = entry.newer;
    unlink(entry);
    entries.delete(entry.key);
  }

  return {
    get(key) {
      const entry = entries.get(key);
      if (entry !== undefined) entry.hits = 1;
      return entry !== undefined;
    },
    set(key, bytes) {
      if (bytes > bytesMax * entryShareMax) return;
      while (queue.bytes + bytes > bytesMax) evict();
      const entry = createEntry(key, null, bytes);
      entries.set(key, entry);
      append(queue, entry);
    },
  };
}
