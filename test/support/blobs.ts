import { randomBytes } from "node:crypto";
import { type BlobHash, type BlobKey, prefixOf, toBlobKey } from "../../src/domain/blob-key.ts";
import type { BlobReader, BlobStore, NewBlob, Segment } from "../../src/domain/blob-store.ts";
import { type Bytes, joinBytes } from "../../src/domain/bytes.ts";
import { limits } from "../../src/domain/limits.ts";
import { createHashing } from "../../src/hashing/blake3.ts";

/** A blob larger than one row holds, in the segments it is stored in. */
export interface LargeBlob {
  readonly hash: BlobHash;
  readonly data: Bytes;
  readonly segments: readonly Segment[];
}

export const hashing = createHashing();

/** A blob of random bytes, which no other test has. */
export function randomBlob(bytesTotal: number): NewBlob {
  return toBlob(new Uint8Array(randomBytes(bytesTotal)));
}

/** A blob of these bytes. */
export function toBlob(data: Bytes): NewBlob {
  return { hash: hashing.hash(data), data };
}

/** The first 16 bytes of a blob's hash: the key of a released node. */
export function shortKey(hash: BlobKey): BlobKey {
  return toBlobKey(prefixOf(hash).slice());
}

/** A large blob of random bytes; by default the smallest that needs three segments. */
export function randomLargeBlob(bytesTotal: number = 2 * limits.segmentBytes + 1): LargeBlob {
  const { hash, data } = randomBlob(bytesTotal);
  const segments: Segment[] = [];
  for (let first = 0; first < bytesTotal; first += limits.segmentBytes) {
    segments.push(toBlob(data.slice(first, first + limits.segmentBytes)));
  }
  return { hash, data, segments };
}

/** Uploads a large blob; gives whether it was new. */
export async function uploadLarge(store: BlobStore, blob: LargeBlob): Promise<boolean> {
  const upload = await store.beginUpload();
  for (const segment of blob.segments) await upload.append(segment);
  const { created } = await upload.commit(blob.hash);
  return created;
}

/** Every segment that a reader gives; fails when there is no reader. */
export async function segmentsOf(reader: BlobReader | null): Promise<Segment[]> {
  if (reader === null) throw new Error("there is no such blob");
  return await Array.fromAsync(reader.segments);
}

/** All bytes that a reader gives. */
export async function bytesOf(reader: BlobReader | null): Promise<Bytes> {
  const pieces = (await segmentsOf(reader)).map(({ data }) => data);
  return joinBytes(
    pieces,
    pieces.reduce((total, { length }) => total + length, 0),
  );
}
