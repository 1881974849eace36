import { bytesEqual, startsWith, toHex, type Bytes } from "../domain/bytes.ts";
import {
  hashBytes,
  keyMatches,
  toBlobHash,
  type BlobHash,
  type BlobKey,
} from "../domain/blob-key.ts";
import type { BlobReader, NewBlob, Segment, StoredBlob } from "../domain/blob-store.ts";
import type { Counters } from "../domain/counters.ts";
import { hasCode, RegistryError } from "../domain/errors.ts";
import type { Hashing } from "../domain/hasher.ts";
import { limits } from "../domain/limits.ts";

/** What a read gives for one key. */
export type Read = StoredBlob | RegistryError | null;

/** How stored bytes are told good from bad. */
export interface BlobChecks {
  /** What was read, if it is good and what `key` names; else `corrupt_blob`, or null. */
  check(key: BlobKey, blob: Read): Read;
  /** The first of several rows that is good and what `key` names; null when none is. */
  findGood(key: BlobKey, rows: readonly StoredBlob[]): StoredBlob | null;
  /** The key of the row to overwrite so that `blob` is stored and good; null when it is. */
  rowToReplace(blob: NewBlob, stored: Read): BlobKey | null;
  /**
   * The reader's segments, each checked before it leaves. With the hash of `whole`, the last leaves
   * only when all together are right.
   */
  checkSegments(reader: BlobReader, whole: BlobHash | null): AsyncGenerator<Segment>;
}

/** What the checks need. */
export interface BlobChecksOptions {
  readonly hashing: Hashing;
  readonly counters: Counters;
}

/** Checks that hash every stored byte again. */
export function createBlobChecks({ hashing, counters }: BlobChecksOptions): BlobChecks {
  function corrupt(stored: BlobKey, why: string): RegistryError {
    counters.blobsCorrupt += 1;
    return new RegistryError(
      "corrupt_blob",
      "The stored bytes do not match the key; an upload of the blob repairs it. Tell the operator.",
      { cause: new Error(`blob ${toHex(stored)}: ${why}`) },
    );
  }

  function check(key: BlobKey, blob: Read): Read {
    if (blob === null || blob instanceof RegistryError || blob.data === null) return blob;
    const found = inspect(hashing, blob, blob.data);
    if (typeof found === "string") return corrupt(blob.hash, found);
    // A row kept under 16 bytes may turn out to be another blob than the 64 digits asked for.
    return keyMatches(key, toBlobHash(found.hash)) ? found : null;
  }

  function findGood(key: BlobKey, rows: readonly StoredBlob[]): StoredBlob | null {
    for (const row of rows) {
      const found = row.data === null ? row : inspect(hashing, row, row.data);
      if (typeof found === "string" || found.hash.length !== hashBytes) continue;
      if (keyMatches(key, toBlobHash(found.hash))) return found;
    }
    return null;
  }

  function rowToReplace(blob: NewBlob, stored: Read): BlobKey | null {
    if (stored === null || stored instanceof RegistryError || stored.data === null) {
      return blob.hash;
    }
    if (Buffer.compare(stored.data, blob.data) === 0) {
      return stored.bytesTotal === blob.data.length ? null : stored.hash;
    }
    // A good row of another blob that shares the first 16 bytes stays; ours gets its own.
    return startsWith(hashing.hash(stored.data), stored.hash) ? blob.hash : stored.hash;
  }

  async function* checkSegments(
    reader: BlobReader,
    whole: BlobHash | null,
  ): AsyncGenerator<Segment> {
    const hasher = whole === null ? null : hashing.createHasher();
    let received = reader.offset;
    try {
      for await (const segment of counted(reader.segments, counters)) {
        if (!bytesEqual(hashing.hash(segment.data), segment.hash)) {
          throw corrupt(reader.hash, `the segment at byte ${received} does not match its hash`);
        }
        if (!isWholeSegment(segment.data.length, reader.bytesTotal - received)) {
          throw corrupt(reader.hash, `the segment at byte ${received} is too short or too long`);
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

  return { check, findGood, rowToReplace, checkSegments };
}

// --- internal ---

/** The blob with its whole hash, or what is wrong with it. */
function inspect(hashing: Hashing, blob: StoredBlob, data: Bytes): StoredBlob | string {
  const hash = hashing.hash(data);
  if (!startsWith(hash, blob.hash)) return `its bytes hash to ${toHex(hash)}`;
  if (blob.bytesTotal !== data.length) {
    return `${data.length} bytes where ${blob.bytesTotal} were noted`;
  }
  return blob.hash.length === hashBytes ? blob : { ...blob, hash };
}

/** A segment that is missing is bad bytes too. */
async function* counted(
  segments: AsyncIterable<Segment>,
  counters: Counters,
): AsyncGenerator<Segment> {
  try {
    yield* segments;
  } catch (error) {
    if (hasCode(error, "corrupt_blob")) counters.blobsCorrupt += 1;
    throw error;
  }
}

/** Whether `bytes` are a full segment with more to come, or all of the `rest`. */
function isWholeSegment(bytes: number, rest: number): boolean {
  return bytes === rest || (bytes === limits.segmentBytes && bytes < rest);
}
