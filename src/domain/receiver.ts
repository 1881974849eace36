import type { BlobHash } from "./blob-key.ts";
import type { BlobStore, BlobUpload } from "./blob-store.ts";
import { joinBytes, type Bytes } from "./bytes.ts";
import { RegistryError } from "./errors.ts";
import type { Hasher, Hashing } from "./hasher.ts";
import { limits } from "./limits.ts";

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
  /**
   * Takes the next bytes. Lent ones are copied. Others must stay as they are until `finish`: a blob
   * that comes in one piece is not copied then.
   * @throws RegistryError `blob_too_large`
   */
  take(bytes: Bytes): void;
  /** Resolves when there is room for more. */
  drained(): Promise<void>;
  /** Stores the blob; resolves once it is committed, or known to be there and good. */
  finish(): Promise<Receipt>;
  /** Removes what was stored of it. Never fails: what it cannot remove now is swept later. */
  abort(): Promise<void>;
}

/** What a receiver needs of the registry. */
export interface ReceiverOptions {
  readonly store: BlobStore;
  readonly hashing: Hashing;
  readonly blobBytesMax: number;
  /** Whether what is taken is only lent: it may be overwritten, or gone, once `take` returns. */
  readonly isLent: boolean;
  /** Stores a blob that turned out to be small. */
  put(data: Bytes): Promise<Receipt>;
  /** Counts a blob stored otherwise. */
  noted(receipt: Receipt): Receipt;
}

/** Keeps a blob in memory while it may be small, and sends it on in segments when it is not. */
export function createReceiver(options: ReceiverOptions): BlobReceiver {
  const { store, hashing, blobBytesMax, isLent, put, noted } = options;
  let bytesTotal = 0;
  /** All of it, while it has come in one piece, to stay. */
  let only: Bytes | null = null;
  /** Else segments that are full, and the one being filled. */
  let full: Bytes[] = [];
  let open: Bytes = new Uint8Array(0);
  let openFilled = 0;
  /** Segments that have been stored, to be filled again: new ones would be garbage by the MiB. */
  const spare: Bytes[] = [];
  let large: { readonly upload: BlobUpload; readonly hasher: Hasher } | null = null;
  /** The append under way; one at a time, while the next segment comes in. */
  let appending: Promise<void> = Promise.resolve();

  function take(bytes: Bytes): void {
    const isFirst = bytesTotal === 0 && !isLent;
    bytesTotal += bytes.length;
    if (bytesTotal > blobBytesMax) throw tooLarge(blobBytesMax);
    if (isFirst) {
      only = bytes;
      return;
    }
    fillOnly();
    fill(bytes);
  }

  function fillOnly(): void {
    if (only !== null) fill(only);
    only = null;
  }

  /** Copies: many small views would each hold a buffer of the network. */
  function fill(bytes: Bytes): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (openFilled === open.length) open = (openFilled === 0 ? spare.pop() : null) ?? grown(open);
      const part = rest.subarray(0, open.length - openFilled);
      open.set(part, openFilled);
      openFilled += part.length;
      rest = rest.subarray(part.length);
      if (openFilled === limits.segmentBytes) {
        full.push(open);
        open = new Uint8Array(0);
        openFilled = 0;
      }
    }
  }

  async function drained(): Promise<void> {
    if (large === null) {
      if (bytesTotal <= limits.inlineBlobBytesMax) return;
      large = { upload: await store.beginUpload(), hasher: hashing.createHasher() };
      fillOnly();
    }
    for (const segment of full) await sendOn(segment);
    full = [];
  }

  async function sendOn(data: Bytes): Promise<void> {
    if (large === null) return;
    const { upload, hasher } = large;
    hasher.update(data);
    const segment = { hash: hashing.hash(data), data };
    await appending;
    appending = upload.append(segment).then(() => {
      if (data.length === limits.segmentBytes) spare.push(data);
    });
    appending.catch(() => {}); // whoever waits for it next hears of it
  }

  async function finish(): Promise<Receipt> {
    if (large === null && bytesTotal <= limits.inlineBlobBytesMax) {
      const tail = open.subarray(0, openFilled);
      return await put(only ?? joinBytes([...full, tail], bytesTotal));
    }
    await drained();
    if (large === null) throw new Error("a large blob has an upload");
    if (openFilled > 0) await sendOn(open.slice(0, openFilled));
    await appending;
    const hash = large.hasher.digest();
    const { created } = await large.upload.commit(hash);
    large.hasher.dispose();
    return noted({ hash, bytesTotal, created });
  }

  async function abort(): Promise<void> {
    only = null;
    full = [];
    if (large === null) return;
    large.hasher.dispose();
    await appending.catch(() => {});
    await large.upload.abort().catch(() => {});
  }

  return { take, drained, finish, abort };
}

// --- internal ---

const openBytesMin = 16 * 1024;

/** A segment to be filled grows with what comes: most blobs are small. */
function grown(open: Bytes): Bytes {
  const larger = new Uint8Array(
    Math.min(limits.segmentBytes, Math.max(openBytesMin, 2 * open.length)),
  );
  larger.set(open);
  return larger;
}

function tooLarge(blobBytesMax: number): RegistryError {
  return new RegistryError(
    "blob_too_large",
    `A blob may have at most ${blobBytesMax} bytes here; this one has more.`,
  );
}
