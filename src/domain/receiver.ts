import type { BlobHash } from "./blob-key.ts";
import { assert } from "./assert.ts";
import type { BlobStore, BlobUpload, Segment } from "./blob-store.ts";
import { bytesEqual, joinBytes, toHex, type Bytes } from "./bytes.ts";
import { RegistryError } from "./errors.ts";
import type { Hasher, Hashing } from "./hasher.ts";
import { limits } from "./limits.ts";
import { createSegmenter } from "./segmenter.ts";

/** What became of an upload. */
export interface Receipt {
  readonly hash: BlobHash;
  readonly bytesTotal: number;
  /** This upload stored the blob; it was not there before. */
  readonly created: boolean;
}

/**
 * A blob being received. One caller: `take` what there is, then wait for `drained` before taking
 * more, so that a slow database holds up the client and not the memory; at the end `finish`, or
 * `abort` on any failure.
 */
export interface BlobReceiver {
  /** Takes a copy of the next bytes. @throws RegistryError `blob_too_large` */
  take(bytes: Bytes): void;
  /** Resolves when there is room for more. */
  drained(): Promise<void>;
  /**
   * Stores the blob; resolves once it is committed, or known to be there and good.
   * @throws RegistryError `hash_mismatch` when it does not hash to `expected`
   */
  finish(expected?: BlobHash): Promise<Receipt>;
  /** Removes what was stored of it. Never fails: what it cannot remove now is swept later. */
  abort(): Promise<void>;
}

/** What a receiver needs of the registry. */
export interface ReceiverOptions {
  readonly store: BlobStore;
  readonly hashing: Hashing;
  readonly blobBytesMax: number;
  /** Stores a blob that turned out to be small. */
  put(data: Bytes, expected?: BlobHash): Promise<Receipt>;
  /** Counts a blob stored otherwise. */
  noted(receipt: Receipt): Receipt;
}

/** Keeps a blob in memory while it may be small, and sends it on in segments when it is not. */
export function createReceiver(options: ReceiverOptions): BlobReceiver {
  const { store, hashing, blobBytesMax, put, noted } = options;
  const segmenter = createSegmenter();
  let bytesTotal = 0;
  let large: Large | null = null;
  /** The append under way; one at a time, while the next segment comes in. */
  let appending: Promise<void> = Promise.resolve();

  function take(bytes: Bytes): void {
    bytesTotal += bytes.length;
    if (bytesTotal > blobBytesMax) throw tooLarge(blobBytesMax);
    segmenter.add(bytes);
  }

  async function drained(): Promise<void> {
    if (large === null) {
      if (bytesTotal <= limits.inlineBlobBytesMax) return;
      large = { upload: await store.beginUpload(), hasher: hashing.createHasher() };
    }
    for (const segment of segmenter.takeFull()) await sendOn(large, segment);
  }

  async function sendOn({ upload, hasher }: Large, data: Bytes): Promise<void> {
    hasher.update(data);
    const segment = { hash: hashing.hash(data), data };
    await appending;
    appending = append(upload, segment);
    appending.catch(() => {}); // whoever waits for it next hears of it
  }

  async function append(upload: BlobUpload, segment: Segment): Promise<void> {
    await upload.append(segment);
    if (segment.data.length === limits.segmentBytes) segmenter.reuse(segment.data);
  }

  async function finish(expected?: BlobHash): Promise<Receipt> {
    if (large === null && bytesTotal <= limits.inlineBlobBytesMax) {
      const data = joinBytes([...segmenter.takeFull(), segmenter.tail()], bytesTotal);
      return await put(data, expected);
    }
    await drained();
    assert(large !== null, "a large blob has an upload");
    const { upload, hasher } = large;
    const tail = segmenter.tail();
    if (tail.length > 0) await sendOn(large, tail);
    await appending;
    const hash = hasher.digest();
    refuseMismatch(hash, expected);
    const { created } = await upload.commit(hash);
    hasher.dispose();
    return noted({ hash, bytesTotal, created });
  }

  async function abort(): Promise<void> {
    if (large === null) return;
    large.hasher.dispose();
    await appending.catch(() => {});
    await large.upload.abort().catch(() => {});
  }

  return { take, drained, finish, abort };
}

/** @throws RegistryError `hash_mismatch` when a blob's hash is not the one that was expected */
export function refuseMismatch(hash: BlobHash, expected: BlobHash | undefined): void {
  if (expected === undefined || bytesEqual(hash, expected)) return;
  throw new RegistryError(
    "hash_mismatch",
    `The body hashes to ${toHex(hash)}, not to the key ${toHex(expected)}; nothing was stored. ` +
      "Send the bytes of the blob as they are, in no form.",
  );
}

// --- internal ---

/** A blob that has turned out to be large. */
interface Large {
  readonly upload: BlobUpload;
  readonly hasher: Hasher;
}

function tooLarge(blobBytesMax: number): RegistryError {
  return new RegistryError(
    "blob_too_large",
    `A blob may have at most ${blobBytesMax} bytes here; this one has more.`,
  );
}
