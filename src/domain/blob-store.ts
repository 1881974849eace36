import type { BlobHash, BlobKey } from "./blob-key.ts";
import type { Bytes } from "./bytes.ts";
import type { RegistryError } from "./errors.ts";

/** What is known of a blob without its bytes. */
export interface BlobStat {
  /**
   * The blob's hash, 32 bytes. Only the SQL store, below the verified skin, may give the 16 bytes
   * under which the Rust registry kept a row: the row does not say the rest.
   */
  readonly hash: BlobKey;
  readonly bytesTotal: number;
  /** When it was stored, in ms since 1970, by the database's clock; null if nobody noted it. */
  readonly createdAtMs: number | null;
}

/** A blob. `data` is null when it is larger than one row holds: `openRead` gives the bytes. */
export interface StoredBlob extends BlobStat {
  readonly data: Bytes | null;
}

/** A blob to be stored; `hash` is the hash of `data`, computed by the caller. */
export interface NewBlob {
  readonly hash: BlobHash;
  readonly data: Bytes;
  /**
   * The row under this key is known not to hold the blob: it is overwritten, in one transaction,
   * or made where there is none.
   */
  readonly replaces?: BlobKey;
  /** What is stored under `hash`, if anything, has been verified: it need not be read back. */
  readonly isKnownGood?: boolean;
}

/** A blob at hand, small and whole, with what an answer says of it ready made. */
export interface BlobAtHand extends StoredBlob {
  readonly data: Bytes;
  /** All 64 hexadecimal digits of its hash. */
  readonly digits: string;
  /** When it was stored as HTTP writes it, in whole seconds; null if nobody noted it. */
  readonly lastModified: string | null;
}

/** Looks for a blob where looking costs nothing. */
export interface BlobPeek {
  /** The blob, if it is at hand, by 64 or 32 lower-case hexadecimal digits; else null. */
  peek(digits: string): BlobAtHand | null;
}

/** What became of a blob to be stored. `created`: this call stored it; it was not there before. */
export interface PutReceipt {
  readonly created: boolean;
}

/** Part of a blob with its own BLAKE3 hash (as `BlobStat.hash`, where one row is all of it). */
export interface Segment {
  readonly hash: BlobKey;
  readonly data: Bytes;
}

/** Bytes `first` to `last`, both inclusive, as RFC 9110 section 14.1.2 counts them. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** A blob open for reading, piece by piece. Holds no database connection between the pieces. */
export interface BlobReader extends BlobStat {
  /**
   * The segments that hold the asked range, whole and in order (one, for a blob kept as one row),
   * each read when it is asked for. `offset` is where the first of them begins in the blob.
   */
  readonly segments: AsyncIterable<Segment>;
  readonly offset: number;
}

/** A large blob on its way in. One caller, one call at a time; ends with `commit` or `abort`. */
export interface BlobUpload {
  /** Commits the next segment, invisible until `commit`. Its data may be reused from then on. */
  append(segment: Segment): Promise<void>;
  /** Makes the blob visible under `hash`, the hash of all segments together. */
  commit(hash: BlobHash): Promise<PutReceipt>;
  /** Removes what was appended. What a crash leaves is swept later. */
  abort(): Promise<void>;
}

/**
 * The face of every store and of every skin around one. All calls may run at the same time; each
 * ends within the statement deadline (a few of them, where it takes several statements).
 * Failures are RegistryErrors: `database_unavailable`, `database_timeout`, `storage_full`,
 * `corrupt_blob`, `taken_down`. Absence is null, never an error. Arrays answer in the order of what
 * was asked; an element that failed by itself is its RegistryError, so that nobody pays for
 * a neighbour.
 */
export interface BlobStore {
  /** The blobs these keys name. When a 16-byte key fits two blobs, the oldest. */
  readMany(keys: readonly BlobKey[]): Promise<(StoredBlob | RegistryError | null)[]>;
  /** As `readMany`, without reading blob data. */
  statMany(keys: readonly BlobKey[]): Promise<(BlobStat | RegistryError | null)[]>;
  /** Stores blobs of at most `limits.inlineBlobBytesMax` bytes; resolves once committed. */
  putMany(blobs: readonly NewBlob[]): Promise<(PutReceipt | RegistryError)[]>;
  /** Opens a blob of any size; `range` must lie within it. */
  openRead(key: BlobKey, range?: ByteRange): Promise<BlobReader | null>;
  /** Begins to store a blob larger than `limits.inlineBlobBytesMax`. */
  beginUpload(): Promise<BlobUpload>;
  /** Resolves once nothing is under way and everything is given back. */
  close(): Promise<void>;
}
