import { append, createEntry, createEntryQueue, unlink } from "../../src/storage/entry-queue.ts";
import { type Entry } from "../../src/storage/entry-queue.ts";
import { entryShareMax, type CachePolicy } from "./policy.ts";

/**
 * S3-FIFO (Yang and others, SOSP 2023): a small queue of a tenth, a main queue with second
 * chances, and the keys of as many bytes as the main queue holds that left the small one unused.
 */
export function createS3Fifo(bytesMax: number): CachePolicy {
  const smallBytesMax = bytesMax / 10;
  const mainBytesMax = bytesMax - smallBytesMax;
  const entries = new Map<string, Entry<null>>();
  const small = createEntryQueue<null>();
  const main = createEntryQueue<null>();
  const ghosts = new Map<string, number>();
  let ghostBytes = 0;

  function haunt(key: string, bytes: number): void {
    ghosts.set(key, bytes);
    ghostBytes += bytes;
    for (const [oldest, oldestBytes] of ghosts) {
      if (ghostBytes <= mainBytesMax) break;
      ghosts.delete(oldest);
      ghostBytes -= oldestBytes;
    }
  }

  function evictFromMain(): void {
    for (let entry = main.oldest; entry !== null; entry = main.oldest) {
      unlink(entry);
      if (entry.hits === 0) {
        entries.delete(entry.key);
        return;
      }
      entry.hits -= 1;
      append(main, entry);
    }
  }

  function evict(): void {
    const entry = small.oldest;
    if (entry === null || (small.bytes <= smallBytesMax && main.oldest !== null)) {
      evictFromMain();
      return;
    }
    unlink(entry);
    if (entry.hits === 0) {
      entries.delete(entry.key);
      haunt(entry.key, entry.bytes);
      return;
    }
    entry.hits = 0;
    append(main, entry);
    while (main.bytes > mainBytesMax) evictFromMain();
  }

  return {
    get(key) {
      const entry = entries.get(key);
      if (entry !== undefined && entry.hits < 3) entry.hits += 1;
      return entry !== undefined;
    },
    set(key, bytes) {
      if (bytes > bytesMax * entryShareMax) return;
      while (small.bytes + main.bytes + bytes > bytesMax) evict();
      const entry = createEntry(key, null, bytes);
      entries.set(key, entry);
      const ghost = ghosts.get(key);
      append(ghost === undefined ? small : main, entry);
      if (ghost === undefined) return;
      ghosts.delete(key);
      ghostBytes -= ghost;
    },
  };
}
