import { append, createEntry, createEntryQueue, unlink } from "../../src/storage/entry-queue.ts";
import { type Entry } from "../../src/storage/entry-queue.ts";
import { createFrequencySketch } from "../../src/storage/frequency-sketch.ts";
import { entryShareMax, type CachePolicy } from "./policy.ts";

/**
 * W-TinyLFU (Einziger, Friedman and Manes, 2017): an LRU window of 1 %, an LRU main part four
 * fifths of which are protected, and a sketch of how often each key was asked for that decides
 * between what leaves the window and what is next to leave the main part.
 */
export function createWTinyLfu(bytesMax: number): CachePolicy {
  const sketch = createFrequencySketch(bytesMax / 64);
  const entriesBytesMax = bytesMax - sketch.bytes;
  const windowBytesMax = entriesBytesMax / 100;
  const mainBytesMax = entriesBytesMax - windowBytesMax;
  const protectedBytesMax = mainBytesMax * 0.8;
  const entries = new Map<string, Entry<null>>();
  const fresh = createEntryQueue<null>();
  const probation = createEntryQueue<null>();
  const kept = createEntryQueue<null>();

  function admit(candidate: Entry<null>): void {
    const frequency = sketch.estimate(candidate.key);
    while (probation.bytes + kept.bytes + candidate.bytes > mainBytesMax) {
      const victim = probation.oldest ?? kept.oldest;
      if (victim === null || sketch.estimate(victim.key) >= frequency) {
        entries.delete(candidate.key);
        return;
      }
      unlink(victim);
      entries.delete(victim.key);
    }
    append(probation, candidate);
  }

  function touch(entry: Entry<null>): void {
    const isFresh = entry.queue === fresh;
    unlink(entry);
    append(isFresh ? fresh : kept, entry);
    while (kept.bytes > protectedBytesMax && kept.oldest !== null) {
      const demoted = kept.oldest;
      unlink(demoted);
      append(probation, demoted);
    }
  }

  return {
    get(key) {
      sketch.add(key, 1);
      const entry = entries.get(key);
      if (entry !== undefined) touch(entry);
      return entry !== undefined;
    },
    set(key, bytes) {
      if (bytes > bytesMax * entryShareMax) return;
      const entry = createEntry(key, null, bytes);
      entries.set(key, entry);
      append(fresh, entry);
      while (fresh.bytes > windowBytesMax && fresh.oldest !== null) {
        const candidate = fresh.oldest;
        unlink(candidate);
        admit(candidate);
      }
    },
  };
}
