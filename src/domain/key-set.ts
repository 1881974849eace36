import { assert } from "./assert.ts";
import { hashBytes, prefixBytes, type BlobKey } from "./blob-key.ts";

/** Many keys in little memory: 33 bytes a key and 8 of an index, twice that while it grows. */
export interface KeySet {
  /** Keys in it. */
  readonly size: number;
  /** Adds a key; false where it is in it already. @throws Error when it is full */
  add(key: BlobKey): boolean;
  /** Takes a key out; false where it was not in it. */
  delete(key: BlobKey): boolean;
  /** Whether exactly this key is in it. */
  has(key: BlobKey): boolean;
  /**
   * Whether a key names a blob that one in the set names too: it is in it, or it begins with one of
   * 16 bytes that is, or is the beginning of one that is.
   */
  covers(key: BlobKey): boolean;
  /** All keys, in the order in which they came, as views that are good until the next change. */
  keys(): Iterable<BlobKey>;
}

/** How many keys there may be. */
export interface KeySetOptions {
  readonly sizeMax: number;
  /** How many are about to come, so that it need not grow, which takes a while when it is large. */
  readonly sizeExpected?: number;
}

/** An empty set. */
export function createKeySet({ sizeMax, sizeExpected = 0 }: KeySetOptions): KeySet {
  let table = createTable(capacityFor(Math.min(sizeMax, sizeExpected)));
  let size = 0;

  /** The place of this very key; -1: it is not in the set. */
  function placeOf(key: BlobKey): number {
    if (size === 0) return -1;
    return table.find(key, (place) => {
      return table.lengthAt(place) === key.length && table.holds(place, key, key.length);
    });
  }

  /** Makes room; keys that were taken out are left behind. */
  function rebuild(): void {
    const before = table;
    table = createTable(size > before.capacity / 2 ? 2 * before.capacity : before.capacity);
    for (const key of before.keys()) table.append(key);
  }

  return {
    get size() {
      return size;
    },
    add(key) {
      if (placeOf(key) >= 0) return false;
      assert(size < sizeMax, "whoever adds keys has counted them");
      if (table.isFull()) rebuild();
      table.append(key);
      size += 1;
      return true;
    },
    delete(key) {
      const place = placeOf(key);
      if (place < 0) return false;
      table.takeOut(place);
      size -= 1;
      return true;
    },
    has: (key) => placeOf(key) >= 0,
    covers(key) {
      if (size === 0) return false;
      const found = table.find(key, (place) => {
        const length = table.lengthAt(place);
        if (length === 0) return false;
        const isShort = length === prefixBytes || key.length === prefixBytes;
        return isShort || table.holds(place, key, hashBytes);
      });
      return found >= 0;
    },
    keys: () => table.keys(),
  };
}

// --- internal ---

/** Places for keys, each given away once, and an index of them by their first 16 bytes. */
interface Table {
  readonly capacity: number;
  isFull(): boolean;
  append(key: BlobKey): void;
  takeOut(place: number): void;
  /** The first place with a key that begins with these 16 bytes, and is `wanted`; -1: none. */
  find(key: BlobKey, wanted: (place: number) => boolean): number;
  /** Of the key at a place; 0: it was taken out. */
  lengthAt(place: number): number;
  /** Whether the key at a place begins with so many bytes of this one. */
  holds(place: number, key: BlobKey, length: number): boolean;
  keys(): Generator<BlobKey>;
}

/** A power of two. */
function capacityFor(size: number): number {
  return Math.max(16, 2 ** Math.ceil(Math.log2(Math.max(1, size))));
}

function createTable(capacity: number): Table {
  const bytes = new Uint8Array(capacity * hashBytes);
  const lengths = new Uint8Array(capacity);
  /** Open addressing, never more than half full; places count from 1. */
  const index = new Uint32Array(2 * capacity);
  const mask = index.length - 1;
  let used = 0;

  function holds(place: number, key: BlobKey, length: number): boolean {
    const start = place * hashBytes;
    for (let n = 0; n < length; n += 1) if (bytes[start + n] !== key[n]) return false;
    return true;
  }

  return {
    capacity,
    isFull: () => used === capacity,
    append(key) {
      let slot = hashOf(key) & mask;
      while (index[slot] !== 0) slot = (slot + 1) & mask;
      bytes.set(key, used * hashBytes);
      lengths[used] = key.length;
      used += 1;
      index[slot] = used;
    },
    takeOut(place) {
      lengths[place] = 0;
    },
    find(key, wanted) {
      for (let slot = hashOf(key) & mask; ; slot = (slot + 1) & mask) {
        const place = (index[slot] ?? 0) - 1;
        if (place < 0) return -1;
        if (holds(place, key, prefixBytes) && wanted(place)) return place;
      }
    },
    lengthAt: (place) => lengths[place] ?? 0,
    holds,
    *keys() {
      for (let place = 0; place < used; place += 1) {
        const length = lengths[place] ?? 0;
        const start = place * hashBytes;
        if (length > 0) yield bytes.subarray(start, start + length) as BlobKey;
      }
    },
  };
}

/** Of the 16 bytes that all keys of a blob have in common; chosen keys fall apart all the same. */
function hashOf(key: BlobKey): number {
  let hash = seed;
  for (let n = 0; n < prefixBytes; n += 1) hash = Math.imul(hash ^ (key[n] ?? 0), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

const seed = Math.floor(Math.random() * 2 ** 32);
