import { assert } from "../domain/assert.ts";

/** A value in the cache, in at most one queue. */
export interface Entry<T> {
  readonly key: string;
  readonly value: T;
  /** What it is charged with. */
  readonly bytes: number;
  /** Hits since its last turn at the end of its queue. */
  hits: number;
  queue: EntryQueue<T> | null;
  older: Entry<T> | null;
  newer: Entry<T> | null;
}

/** Entries in the order they were appended. */
export interface EntryQueue<T> {
  bytes: number;
  oldest: Entry<T> | null;
  newest: Entry<T> | null;
}

/** An entry that is in no queue yet. */
export function createEntry<T>(key: string, value: T, bytes: number): Entry<T> {
  return { key, value, bytes, hits: 0, queue: null, older: null, newer: null };
}

/** An empty queue. */
export function createEntryQueue<T>(): EntryQueue<T> {
  return { bytes: 0, oldest: null, newest: null };
}

/** Adds an entry that is in no queue, as the newest. */
export function append<T>(queue: EntryQueue<T>, entry: Entry<T>): void {
  const { newest } = queue;
  entry.queue = queue;
  entry.older = newest;
  entry.newer = null;
  if (newest === null) queue.oldest = entry;
  else newest.newer = entry;
  queue.newest = entry;
  queue.bytes += entry.bytes;
}

/** Takes an entry out of its queue, from whatever place in it. */
export function unlink<T>(entry: Entry<T>): void {
  const { queue, older, newer } = entry;
  assert(queue !== null, "an entry that leaves a queue is in one");
  if (older === null) queue.oldest = newer;
  else older.newer = newer;
  if (newer === null) queue.newest = older;
  else newer.older = older;
  queue.bytes -= entry.bytes;
  entry.queue = null;
}

/** Drops all entries at once. */
export function empty<T>(queue: EntryQueue<T>): void {
  queue.bytes = 0;
  queue.oldest = null;
  queue.newest = null;
}
