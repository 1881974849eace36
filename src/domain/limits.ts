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
  /** Uploads that wait for an insert; `--max-in-flight` bounds their bytes. */
  writeQueueRowsMax: 4096,
  /** Keys of one query, and keys that wait for one. */
  readBatchKeysMax: 64,
  readQueueKeysMax: 8192,
  /** A request that moves more than this is large: the last of the budget is not for it. */
  smallTransferBytesMax: 64 * kibibyte,
  /** What an upload in pieces is charged with: segments open, full, on their way, and a piece. */
  streamedUploadBytes: 4 * mebibyte,
  /** What a streamed answer is charged with: the segment that is sent, and the next. */
  streamedAnswerBytes: 2 * mebibyte,
  /** How long a request waits for its part of the budget; so many small ones, so many large. */
  budgetWaitMsMax: 1000,
  budgetWaitersMax: 128,
  /** How slowly a body may come: every so many bytes of it, and what is left, within so long. */
  uploadStepBytes: 128 * kibibyte,
  uploadStepMsMax: 30_000,
  /** How long `put` and `get` wait for one transfer. */
  commandTransferMsMax: 3_600_000,
  /**
   * How long the rest of a refused body is read, and may pause; what comes within the latter is
   * waited for before the refusal.
   */
  lingerMsMax: 20_000,
  lingerPauseMsMax: 500,
  /** Refused bodies that are read on at once. */
  lingeringMax: 256,
  /** How long an upload under way may be untouched before it is swept, by the database's clock. */
  uploadIdleMsMax: 3_600_000,
  /** How long the last push of metrics may hold up the end. */
  metricsStopMsMax: 2000,
  /** How long the last spans may hold up the end. */
  tracesStopMsMax: 2000,
  /** Spans of one trace that this process makes: those of 64 MiB and more in segments. */
  spansPerTraceMax: 512,
  /** How often the page for operators takes a sample, and how many are kept: 15 minutes. */
  statusSampleMs: 2000,
  statusSamplesMax: 450,
  /** By how much the database's clock may go another way than ours between two sweeps. */
  clockJumpMsMax: 1_800_000,
  /** How often abandoned uploads are looked for. */
  sweepIntervalMs: 300_000,
  /** Abandoned uploads removed by one sweep, and uploads that it looks at for orphaned segments. */
  uploadsPerSweepMax: 1000,
  /** Keys that may be denied: those of `registry delete`, and as many of --deny-list. */
  deniedKeysMax: 1_000_000,
  /** Bytes of the file of --deny-list. */
  denyListBytesMax: 128 * mebibyte,
  /** Tokens that may upload, and bytes of the file of --upload-token-file. */
  uploadTokensMax: 10_000,
  uploadTokenFileBytesMax: 4 * mebibyte,
  /** Bytes of the file of --tls-cert, and of --tls-key: clients take no chain that is longer. */
  tlsFileBytesMax: 128 * kibibyte,
  /** How long new connections may still meet the certificate before the one that was read. */
  tlsRenewalMs: 1000,
  /** Clients that each rate limit remembers; of more, those are forgotten who came least lately. */
  rateLimitClientsMax: 100_000,
  /** How often each registry asks what has been taken down, and how long until it worries. */
  takedownLookMs: 5000,
  takedownAgeMsMax: 30_000,
  /** Changes read at once; and those read again, for a database that lost its last ones. */
  takedownsPerRead: 10_000,
  takedownsReadAgain: 64,
  /** What of the log waits for its reader, and one line of it, in characters. */
  logBufferCharactersMax: mebibyte,
  logLineCharactersMax: 64 * kibibyte,
  /** Failed requests with one code that are told a second. */
  failureLinesPerSecondMax: 10,
  /** Calls in a row that find no database, after which it counts as out. */
  breakerFailuresMax: 3,
  /** How long a look whether it is back may take; the pause between two nobody asked for. */
  breakerLookMsMax: 1000,
  breakerPauseMs: 500,
  /** How long others wait for a look that somebody else has begun. */
  breakerJoinMsMax: 100,
  /** How often connections to a database that may only be read are given up for new ones. */
  standbyRenewMs: 1000,
  /** How long /readyz waits for the database. */
  readinessMsMax: 1500,
} as const;

assert(limits.bufferedUploadBytesMax > limits.inlineBlobBytesMax, "a small form is read whole");
assert(
  limits.smallTransferBytesMax < limits.bufferedUploadBytesMax,
  "what is small is not streamed",
);
assert(limits.logLineCharactersMax < limits.logBufferCharactersMax, "a line can wait");
assert(limits.segmentBytes <= limits.inlineBlobBytesMax, "a segment is no larger than a row");
assert(
  limits.bufferedResponseBytesMax >= limits.inlineBlobBytesMax,
  "a row is sent with Content-Length",
);
