import { assert } from "./assert.ts";

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

/** Every bound of the registry that no flag moves, unit last. docs/limits.md lists them. */
export const limits = {
  /** The largest blob kept as one row, which is also what the Rust registry can hold. */
  inlineBlobBytesMax: 2 * mebibyte,
  /** The bytes of a segment of a larger blob; the last may be shorter. */
  segmentBytes: mebibyte,
  /** What `--max-blob-size` may be at most. */
  blobBytesCeiling: 1024 * mebibyte,
  /** The largest blob sent with Content-Length; Bun sends a longer stream chunked. */
  bufferedResponseBytesMax: 8 * mebibyte,
  /** What of large blobs is sent between two collections of garbage. */
  uncollectedBytesMax: 16 * mebibyte,
  /** An upload whose Content-Length is at most this is read whole before it is parsed. */
  bufferedUploadBytesMax: 2 * mebibyte + 64 * kibibyte,
  /** How far Content-Length may exceed `--max-blob-size` (framing, other parts) before 413. */
  uploadFramingBytesMax: mebibyte,
  /** Parts of a form, the `data` part included. */
  partsMax: 100,
  /** Header bytes of one part. */
  partHeaderBytesMax: 16 * kibibyte,
  /** Bytes of all other parts together, preamble and epilogue included. */
  otherPartsBytesMax: mebibyte,
  /** Characters of a boundary (RFC 2046 section 5.1.1). */
  boundaryCharactersMax: 70,
  /** Keys of one question which of them are missing, and bytes of its body. */
  keyListMax: 1000,
  keyListBytesMax: 256 * kibibyte,
  /** Such questions that wait for the database. */
  keyListQueueMax: 64,
  /** Rows and bytes of one insert; padded to a power of two, rows are a power of two. */
  writeBatchRowsMax: 128,
  writeBatchBytesMax: 4 * mebibyte,
  /** Uploads, and their bytes, that wait for an insert. */
  writeQueueRowsMax: 4096,
  writeQueueBytesMax: 64 * mebibyte,
  /** Keys of one query, and keys that wait for one. */
  readBatchKeysMax: 64,
  readQueueKeysMax: 8192,
  /** How long a body that is read whole may take to arrive. */
  bufferedUploadMsMax: 150_000,
  /** How long a streamed body may pause. */
  uploadStallMsMax: 30_000,
  /** How long a large upload may take in all. */
  uploadMsMax: 3_600_000,
  /**
   * How long the rest of a refused body is read, and may pause; what comes within the latter is
   * waited for before the refusal.
   */
  lingerMsMax: 20_000,
  lingerPauseMsMax: 500,
  /** How long an upload under way may be untouched before it is swept, by the database's clock. */
  uploadIdleMsMax: 3_600_000,
  /** How long the last push of metrics may hold up the end. */
  metricsStopMsMax: 2000,
  /** How often abandoned uploads are looked for. */
  sweepIntervalMs: 300_000,
  /** What of the log waits for its reader, and one line of it, in characters. */
  logBufferCharactersMax: mebibyte,
  logLineCharactersMax: 64 * kibibyte,
  /** How long /readyz waits for the database. */
  readinessMsMax: 1500,
} as const;

assert(limits.bufferedUploadBytesMax > limits.inlineBlobBytesMax, "a small form is read whole");
assert(limits.logLineCharactersMax < limits.logBufferCharactersMax, "a line can wait");
assert(limits.segmentBytes <= limits.inlineBlobBytesMax, "a segment is no larger than a row");
assert(
  limits.bufferedResponseBytesMax >= limits.inlineBlobBytesMax,
  "a row is sent with Content-Length",
);
