import { append, createEntryQueue, empty, unlink, type Entry } from "./entry-queue.ts";
import { createFrequencySketch } from "./frequency-sketch.ts";

/** Decides which entries stay in a cache of bounded bytes. */
export interface Admission<T> {
  /** What it occupies itself, whatever it holds: part of `bytesMax`. */
  readonly ownBytes: number;
  /** What all entries together may be charged with. */
  readonly entriesBytesMax: number;
  /** Takes a new entry in. Which entries had to go, perhaps this one, `onEvict` was told. */
  add(entry: Entry<T>): void;
  /** Forgets all entries and how often any key was asked for. */
  clear(): void;
}

export interface AdmissionOptions<T> {
  readonly bytesMax: number;
  /** Called with each entry that goes, when it has left its queue. */
  readonly onEvict: (entry: Entry<T>) => void;
}

/**
 * TinyLFU (Einziger, Friedman and Manes, 2017) with its work moved off the hits. New entries pass
 * through a short queue. At its end one stays only if it was asked for more often, weighed against
 * its size, than the oldest of the main queue; how often a key was asked for is remembered in a
 * sketch after its entry is gone, so that it counts when it comes back. A hit moves nothing: it
 * counts in its entry, and the count is looked at when the entry's turn comes.
 */
export function createAdmission<T>(options: AdmissionOptions<T>): Admission<T> {
  const { bytesMax, onEvict } = options;
  const sketch = createFrequencySketch(bytesMax * sketchShare);
  const entriesBytesMax = Math.max(0, bytesMax - sketch.bytes);
  const newBytesMax = Math.floor(entriesBytesMax * newShare);
  const mainBytesMax = entriesBytesMax - newBytesMax;
  const newQueue = createEntryQueue<T>();
  const mainQueue = createEntryQueue<T>();

  /** Adds what was counted in the entry since its last turn to what is known of its key. */
  function settleHits(entry: Entry<T>): void {
    sketch.add(entry.key, entry.hits);
    entry.hits = 0;
  }

  /** Makes room for `candidate` among the old; false if one in its way is worth as much. */
  function makeRoom(candidate: Entry<T>): boolean {
    const frequency = sketch.estimate(candidate.key);
    let turns = 0;
    while (mainQueue.bytes + candidate.bytes > mainBytesMax) {
      const { oldest } = mainQueue;
      if (oldest === null || turns === turnsMax) return false;
      unlink(oldest);
      if (oldest.hits > 0) {
        settleHits(oldest);
        append(mainQueue, oldest);
        turns += 1;
      } else if (frequency * bitsOf(oldest) > sketch.estimate(oldest.key) * bitsOf(candidate)) {
        onEvict(oldest);
      } else {
        append(mainQueue, oldest);
        return false;
      }
    }
    return true;
  }

  return {
    ownBytes: sketch.bytes,
    entriesBytesMax,
    add(entry) {
      sketch.add(entry.key, 1);
      append(newQueue, entry);
      while (newQueue.bytes > newBytesMax && newQueue.oldest !== null) {
        const candidate = newQueue.oldest;
        unlink(candidate);
        if (candidate.hits > 0) settleHits(candidate);
        if (makeRoom(candidate)) append(mainQueue, candidate);
        else onEvict(candidate);
      }
    },
    clear() {
      empty(newQueue);
      empty(mainQueue);
      sketch.clear();
    },
  };
}

// --- internal ---

const sketchShare = 1 / 64;
const newShare = 1 / 20;
/** How many used entries get another turn for one candidate: bounds the pause after many hits. */
const turnsMax = 32;

/**
 * What a size counts for. Not the bytes: a large blob saves the database more than a small one,
 * only not in proportion, and weighing by bytes would never keep one.
 */
function bitsOf<T>(entry: Entry<T>): number {
  return 32 - Math.clz32(entry.bytes);
}
