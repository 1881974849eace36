import { prefixBytes, type BlobKey } from "../domain/blob-key.ts";
import type {
  BlobAtHand,
  BlobPeek,
  BlobReader,
  BlobStore,
  NewBlob,
  StoredBlob,
} from "../domain/blob-store.ts";
import { toHex } from "../domain/bytes.ts";
import type { DeniedKeys } from "../domain/denied-keys.ts";
import { formatHttpDate } from "../domain/http-date.ts";
import { RegistryError } from "../domain/errors.ts";
import { createBlobCache, type BlobCache } from "./blob-cache.ts";
import { toReader } from "./row-reader.ts";

/** A store with a cache, which can be looked into without waiting. */
export interface CachedStore extends BlobStore, BlobPeek {
  readonly cache: BlobCache<unknown>["stats"];
  /** Drops what a key names, and what begins like it. */
  forget(key: BlobKey): void;
}

/** How a store is cached. */
export interface CachedOptions {
  /** What the cache may take of memory; 0: nothing is kept. */
  readonly bytesMax: number;
  /** Which keys have no blob, as they stand when it comes to keep one; left out: none. */
  readonly denied?: Pick<DeniedKeys, "denies">;
}

/**
 * A skin that keeps whole small blobs in memory. They never change, so what it has is true; what it
 * has not, it asks for: there is no negative cache. It believes the store it wraps: put it around a
 * verified one.
 */
export function cached(inner: BlobStore, { bytesMax, denied }: CachedOptions): CachedStore {
  const cache = createBlobCache<BlobAtHand>({ bytesMax });
  if (bytesMax === 0) {
    return { ...inner, peek: () => null, cache: cache.stats, forget() {} };
  }

  /** What it has not is not counted: it will be read, and is counted then. */
  function peek(digits: string): BlobAtHand | null {
    return named(digits, cache.look);
  }

  function find(key: BlobKey): BlobAtHand | null {
    return named(toHex(key), cache.get);
  }

  /** A look that serves no read, and is counted nowhere. */
  function has(key: BlobKey): boolean {
    return cache.stats.entries > 0 && named(toHex(key), cache.peek) !== null;
  }

  /** Keeps a blob if it is small; gives it as it will be given from now on. */
  function keep(blob: StoredBlob): StoredBlob {
    const { data, hash } = blob;
    // It may have been taken down, and forgotten, while it was read.
    if (data === null || denied?.denies(hash) === true) return blob;
    const digits = toHex(hash);
    // Once and for all, else a database whose clock is ahead would have the time change.
    const createdAtMs = blob.createdAtMs === null ? null : Math.min(blob.createdAtMs, Date.now());
    const lastModified = createdAtMs === null ? null : formatHttpDate(createdAtMs);
    const atHand = { ...blob, data, createdAtMs, digits, lastModified };
    cache.set(digits.slice(0, prefixDigits), atHand, data.length + blobOverheadBytes);
    return atHand;
  }

  /** What is at hand, and what `ask` answers for the rest, in the order of the keys. */
  async function complete<T>(
    keys: readonly BlobKey[],
    ask: (missing: readonly BlobKey[]) => Promise<(T | null)[]>,
  ): Promise<(BlobAtHand | T | null)[]> {
    const found = keys.map(find);
    const missing = keys.filter((_, index) => found[index] === null);
    if (missing.length === 0) return found;
    const answers = await ask(missing);
    return found.map((blob) => blob ?? answers.shift() ?? null);
  }

  async function readAndKeep(keys: readonly BlobKey[]): ReturnType<BlobStore["readMany"]> {
    const read = await inner.readMany(keys);
    return read.map((blob) => (blob === null || blob instanceof RegistryError ? blob : keep(blob)));
  }

  /** The database is asked whether the blob is still there; its bytes need not come back for it. */
  async function putMany(blobs: readonly NewBlob[]): ReturnType<BlobStore["putMany"]> {
    return await inner.putMany(
      blobs.map((blob) => (has(blob.hash) ? { ...blob, isKnownGood: true } : blob)),
    );
  }

  async function openRead(
    ...[key, range]: Parameters<BlobStore["openRead"]>
  ): Promise<BlobReader | null> {
    const blob = find(key);
    return blob === null ? await inner.openRead(key, range) : toReader(blob);
  }

  return {
    peek,
    cache: cache.stats,
    forget: (key) => void cache.delete(toHex(key).slice(0, prefixDigits)),
    readMany: (keys) => complete(keys, readAndKeep),
    statMany: (keys) => complete(keys, inner.statMany),
    putMany,
    openRead,
    beginUpload: async () => await inner.beginUpload(),
    close: async () => await inner.close(),
  };
}

// --- internal ---

/** What a blob at hand costs besides its bytes and its entry: objects, hash, digits; measured. */
const blobOverheadBytes = 1440;

const prefixDigits = 2 * prefixBytes;

/** The blob that these digits name, where `from` has one of their beginning. */
function named(
  digits: string,
  from: (prefix: string) => BlobAtHand | undefined,
): BlobAtHand | null {
  const isShort = digits.length === prefixDigits;
  const blob = from(isShort ? digits : digits.slice(0, prefixDigits));
  return blob !== undefined && (isShort || digits === blob.digits) ? blob : null;
}
