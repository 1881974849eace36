import { bytesEqual, startsWith, toHex, type Bytes } from "../domain/bytes.ts";
import type { Hashing } from "../domain/hasher.ts";
import { limits } from "../domain/limits.ts";
import { toBytes } from "./blob-rows.ts";
import type { Query } from "./database.ts";

/** What is told of a segment without its bytes. */
export interface ListedSegment {
  readonly n: number;
  readonly hash: Bytes;
  readonly bytes: number;
}

/** What is wrong with a large blob. */
export interface SegmentsFault {
  readonly why: string;
  /** The segment whose bytes are bad; null when the list of segments, or the whole, is. */
  readonly n: number | null;
  /** Only something is there that should not be: readers get the blob, whole and right. */
  readonly isServed: boolean;
}

/** A large blob to be verified. */
export interface SegmentedBlob {
  readonly key: Bytes;
  readonly size: number;
  readonly upload: string;
  /** Its segments as `listSegments` gives them. */
  readonly listing: readonly ListedSegment[];
}

/** The segments of an upload in their order, at most two more than a blob may have. */
export async function listSegments(query: Query, upload: string): Promise<ListedSegment[]> {
  const rows = await query(
    "SELECT n, hash, length(data) AS bytes FROM blob_segments WHERE upload = $1 " +
      `ORDER BY n LIMIT ${segmentsMax + 2}`,
    [upload],
  );
  return rows.map((row) => ({
    n: Number(row["n"]),
    hash: toBytes(row["hash"]),
    bytes: Number(row["bytes"]),
  }));
}

/** Whether two lists name the same segments. */
export function isSameListing(a: readonly ListedSegment[], b: readonly ListedSegment[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ n, hash, bytes }, index) => {
      const other = b[index];
      return (
        other !== undefined &&
        n === other.n &&
        bytes === other.bytes &&
        bytesEqual(hash, other.hash)
      );
    })
  );
}

/** Which bytes to read: segments `first` to `end`, exclusive. */
export interface SegmentWindow {
  readonly upload: string;
  readonly first: number;
  readonly end: number;
}

/** The bytes of segments, by their numbers; those that are not there are left out. */
export async function readSegments(
  query: Query,
  { upload, first, end }: SegmentWindow,
): Promise<ReadonlyMap<number, Bytes>> {
  const rows = await query(
    "SELECT n, data FROM blob_segments WHERE upload = $1 AND n >= $2 AND n < $3 ORDER BY n",
    [upload, first, end],
  );
  return new Map(rows.map((row) => [Number(row["n"]), toBytes(row["data"])]));
}

/**
 * What is wrong with a large blob; null when it is good: its segments are there, in order, each of
 * its size and with its own hash, and all together hash to the key.
 * @param read gives the bytes of segments from number `first` on, at least of that one, or says why
 *   that cannot be read
 */
export async function faultOfSegments(
  blob: SegmentedBlob,
  hashing: Hashing,
  read: (first: number, end: number) => Promise<ReadonlyMap<number, Bytes> | string>,
): Promise<SegmentsFault | null> {
  const { key, size } = blob;
  const count = segmentCountOf(size);
  const listing = blob.listing.filter(({ n }) => n >= 0 && n < count);
  const wrong = faultOfListing(size, listing);
  if (wrong !== null) return { why: wrong, n: null, isServed: false };
  const hasher = hashing.createHasher();
  try {
    for (let n = 0; n < count;) {
      const pieces = await read(n, count);
      if (typeof pieces === "string") return badSegment(n, pieces);
      do {
        const data = pieces.get(n);
        if (data === undefined) return badSegment(n, "is missing");
        const wanted = listing[n]?.hash;
        if (wanted === undefined || !bytesEqual(hashing.hash(data), wanted)) {
          return badSegment(n, "does not match its hash");
        }
        hasher.update(data);
        n += 1;
      } while (pieces.has(n));
    }
    const hash = hasher.digest();
    if (!startsWith(hash, key)) {
      return { why: `its segments together hash to ${toHex(hash)}`, n: null, isServed: false };
    }
  } finally {
    hasher.dispose();
  }
  if (listing.length === blob.listing.length) return null;
  const why = `it has more segments than its ${count}; it is served whole all the same`;
  return { why, n: null, isServed: true };
}

// --- internal ---

const segmentsMax = limits.blobBytesCeiling / limits.segmentBytes;

function segmentCountOf(size: number): number {
  return Math.ceil(size / limits.segmentBytes);
}

function badSegment(n: number, what: string): SegmentsFault {
  return { why: `segment ${n} ${what}`, n, isServed: false };
}

function faultOfListing(size: number, listing: readonly ListedSegment[]): string | null {
  const count = segmentCountOf(size);
  if (size < 0 || count > segmentsMax) return `it notes ${size} bytes, which no blob has`;
  if (listing.length === 0 && count > 0) return `none of its ${count} segments is there`;
  for (let n = 0; n < count; n += 1) {
    const segment = listing[n];
    if (segment === undefined || segment.n !== n) return `segment ${n} is missing`;
    const expected = Math.min(limits.segmentBytes, size - n * limits.segmentBytes);
    if (segment.bytes !== expected) {
      return `segment ${n} holds ${segment.bytes} bytes where ${expected} were expected`;
    }
  }
  return null;
}
