import { hashBytes, type BlobKey, toBlobHash } from "../domain/blob-key.ts";
import type {
  BlobReader,
  BlobStat,
  BlobStore,
  ByteRange,
  NewBlob,
  PutReceipt,
} from "../domain/blob-store.ts";
import { RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import { createBlobChecks, type BlobChecksOptions, type Read } from "./blob-checks.ts";
import { toReader } from "./row-reader.ts";

/**
 * A skin that trusts no stored byte: what does not hash to its key is `corrupt_blob`, never given
 * out, and replaced by an upload of the true bytes. Above it every blob has its 32-byte hash, also
 * one that the Rust registry keeps under 16 bytes.
 */
export function verified(inner: BlobStore, options: BlobChecksOptions): BlobStore {
  const { check, rowToReplace, checkSegments } = createBlobChecks(options);

  async function readMany(keys: readonly BlobKey[]): Promise<Read[]> {
    const blobs = await inner.readMany(keys);
    return keys.map((key, index) => check(key, blobs[index] ?? null));
  }

  async function statMany(keys: readonly BlobKey[]): Promise<(BlobStat | RegistryError | null)[]> {
    const stats = await inner.statMany(keys);
    // Only the bytes tell the hash of a row kept under 16 bytes; not those of too many at once.
    const short = keys.filter((_, index) => isShort(stats[index] ?? null));
    const read: Read[] = [];
    for (let from = 0; from < short.length; from += limits.readBatchKeysMax) {
      read.push(...(await readMany(short.slice(from, from + limits.readBatchKeysMax))));
    }
    return stats.map((stat) => (isShort(stat) ? (read.shift() ?? null) : stat));
  }

  async function putMany(blobs: readonly NewBlob[]): Promise<(PutReceipt | RegistryError)[]> {
    const receipts = await inner.putMany(blobs);
    const known = blobs.filter(
      ({ replaces, isKnownGood }, index) =>
        replaces === undefined && isKnownGood !== true && isKnown(receipts[index]),
    );
    if (known.length === 0) return receipts;
    const repaired = await confirm(known);
    return receipts.map((receipt, index) => {
      const blob = blobs[index];
      return (blob === undefined ? undefined : repaired.get(blob)) ?? receipt;
    });
  }

  /**
   * Makes sure, before anybody is told so, that blobs said to be there are there and good; gives
   * what became of those that were not.
   */
  async function confirm(
    known: readonly NewBlob[],
  ): Promise<Map<NewBlob, PutReceipt | RegistryError>> {
    const stored = await inner.readMany(known.map(({ hash }) => hash));
    const repairs = new Map<NewBlob, NewBlob>();
    for (const [index, blob] of known.entries()) {
      const replaces = rowToReplace(blob, stored[index] ?? null);
      if (replaces !== null) repairs.set(blob, { ...blob, replaces });
    }
    if (repairs.size === 0) return new Map();
    const receipts = await inner.putMany([...repairs.values()]);
    options.counters.blobsRepaired += receipts.filter(isKnown).length;
    return new Map([...repairs.keys()].map((blob, index) => [blob, receipts[index] ?? lost()]));
  }

  async function openRead(key: BlobKey, range?: ByteRange): Promise<BlobReader | null> {
    const reader = await inner.openRead(key, range);
    if (reader === null) return null;
    if (isShort(reader)) return await openShort(key);
    const whole = range === undefined ? toBlobHash(reader.hash) : null;
    return { ...reader, segments: checkSegments(reader, whole) };
  }

  async function openShort(key: BlobKey): Promise<BlobReader | null> {
    const [blob = null] = await readMany([key]);
    if (blob instanceof RegistryError) throw blob;
    if (blob === null || blob.data === null) return null;
    return toReader({ ...blob, data: blob.data });
  }

  return {
    readMany,
    statMany,
    putMany,
    openRead,
    beginUpload: async () => await inner.beginUpload(),
    close: async () => await inner.close(),
  };
}

// --- internal ---

function isShort(stat: BlobStat | RegistryError | null): boolean {
  return stat !== null && !(stat instanceof RegistryError) && stat.hash.length < hashBytes;
}

function lost(): never {
  throw new Error("the store gave no receipt");
}

function isKnown(receipt: PutReceipt | RegistryError | undefined): boolean {
  return receipt !== undefined && !(receipt instanceof RegistryError) && !receipt.created;
}
