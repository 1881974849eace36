import { bytesEqual, startsWith, toHex } from "../domain/bytes.ts";
import {
  hashBytes,
  keyMatches,
  type BlobHash,
  type BlobKey,
  toBlobHash,
} from "../domain/blob-key.ts";
import type { BlobReader, BlobStat, BlobStore, NewBlob, PutReceipt, Segment, StoredBlob } from "../domain/blob-store.ts";
import type { Counters } from "../domain/counters.ts";
import { RegistryError } from "../domain/errors.ts";
import type { Hashing } from "../domain/hasher.ts";

/** What the verified skin needs beside the store it wraps. */
export interface VerifiedOptions {
  readonly hashing: Hashing;
  readonly counters: Counters;
}

type Read = StoredBlob | RegistryError | null;

/**
 * A skin that trusts no stored byte: what does not hash to its key is `corrupt_blob`, never given
 * out, and replaced by an upload of the true bytes. Above it every blob has its 32-byte hash, also
 * one that the Rust registry keeps under 16 bytes.
 */
export function verified(inner: BlobStore, { hashing, counters }: VerifiedOptions): BlobStore {
  function corrupt(stored: BlobKey, why: string): RegistryError {
    counters.blobsCorrupt += 1;
    return new RegistryError(
      "corrupt_blob",
      "The stored bytes do not match the key; upload the blob again to repair it, and tell the operator.",
      { cause: new Error(`blob ${toHex(stored)}: ${why}`) },
    );
  }

  function check(key: BlobKey, blob: Read): Read {
    if (blob === null || blob instanceof RegistryError || blob.data === null) return blob;
    const hash = hashing.hash(blob.data);
    if (!startsWith(hash, blob.hash)) return corrupt(blob.hash, `its bytes hash to ${toHex(hash)}`);
    if (blob.bytesTotal !== blob.data.length) {
      return corrupt(blob.hash, `${blob.data.length} bytes where ${blob.bytesTotal} were noted`);
    }
    // A row kept under 16 bytes may turn out to be another blob than the 64 digits asked for.
    return keyMatches(key, hash) ? { ...blob, hash } : null;
  }

  async function readMany(keys: readonly BlobKey[]): Promise<Read[]> {
    const blobs = await inner.readMany(keys);
    return keys.map((key, index) => check(key, blobs[index] ?? null));
  }

  async function statMany(
    keys: readonly BlobKey[],
  ): Promise<(BlobStat | RegistryError | null)[]> {
    const stats = await inner.statMany(keys);
    // Only the bytes tell the hash of a row kept under 16 bytes.
    const short = keys.filter((_, index) => isShort(stats[index] ?? null));
    const read = short.length === 0 ? [] : await readMany(short);
    return stats.map((stat) => (isShort(stat) ? (read.shift() ?? null) : stat));
  }

  /** Confirms, before anybody is told so, that blobs said to be there are there and good. */
  async function putMany(blobs: readonly NewBlob[]): Promise<(PutReceipt | RegistryError)[]> {
    const receipts = await inner.putMany(blobs);
    const known = blobs.filter(
      ({ replaces }, index) => replaces === undefined && isKnown(receipts[index]),
    );
    if (known.length === 0) return receipts;
    const stored = await inner.readMany(known.map(({ hash }) => hash));
    const repairs: NewBlob[] = [];
    for (const [index, blob] of known.entries()) {
      const replaces = badRowOf(blob, stored[index] ?? null);
      if (replaces !== null) repairs.push({ ...blob, replaces });
    }
    if (repairs.length > 0) {
      await inner.putMany(repairs);
      counters.blobsRepaired += repairs.length;
    }
    return receipts;
  }

  /** The key of the row to overwrite so that the blob is there and good; null when it is. */
  function badRowOf(blob: NewBlob, stored: Read): BlobKey | null {
    if (stored === null || stored instanceof RegistryError || stored.data === null) {
      return blob.hash;
    }
    if (bytesEqual(stored.data, blob.data) && stored.bytesTotal === blob.data.length) return null;
    // A good row of another blob that shares the first 16 bytes stays; ours gets its own.
    return startsWith(hashing.hash(stored.data), stored.hash) ? blob.hash : stored.hash;
  }

  async function openRead(
    key: BlobKey,
    range?: { readonly first: number; readonly last: number },
  ): Promise<BlobReader | null> {
    const reader = await inner.openRead(key, range);
    if (reader === null) return null;
    if (isShort(reader)) return await openShort(key);
    const hash = toBlobHash(reader.hash);
    const isWhole = range === undefined;
    return { ...reader, segments: checkSegments(reader, isWhole ? hash : null) };
  }

  async function openShort(key: BlobKey): Promise<BlobReader | null> {
    const [blob] = await readMany([key]);
    if (blob instanceof RegistryError) throw blob;
    if (blob === undefined || blob === null || blob.data === null) return null;
    const segment = { hash: blob.hash, data: blob.data };
    return { ...blob, offset: 0, segments: once(segment) };
  }

  /** Each segment is checked before it leaves; the last leaves only when the whole is right too. */
  async function* checkSegments(
    reader: BlobReader,
    whole: BlobHash | null,
  ): AsyncGenerator<Segment> {
    const hasher = whole === null ? null : hashing.createHasher();
    let received = reader.offset;
    try {
      for await (const segment of reader.segments) {
        if (!bytesEqual(hashing.hash(segment.data), segment.hash)) {
          throw corrupt(reader.hash, `the segment at byte ${received} does not match its hash`);
        }
        received += segment.data.length;
        hasher?.update(segment.data);
        const isLast = received >= reader.bytesTotal;
        if (isLast && hasher !== null && whole !== null && !bytesEqual(hasher.digest(), whole)) {
          throw corrupt(reader.hash, "its segments together do not match its hash");
        }
        yield segment;
      }
      if (whole !== null && received !== reader.bytesTotal) {
        throw corrupt(reader.hash, `${received} bytes where ${reader.bytesTotal} were noted`);
      }
    } finally {
      hasher?.dispose();
    }
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

function isKnown(receipt: PutReceipt | RegistryError | undefined): boolean {
  return receipt !== undefined && !(receipt instanceof RegistryError) && !receipt.created;
}

async function* once(segment: Segment): AsyncGenerator<Segment> {
  yield segment;
}
