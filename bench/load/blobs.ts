import { createCipheriv, createHash } from "node:crypto";
import { createHashing } from "../../src/hashing/blake3.ts";

/** Blobs of one size that differ in their first bytes only; nothing of them needs to be kept. */
export interface Family {
  /** Its blobs are nobody else's. */
  readonly name: string;
  /** At least `blobHeadBytes`. */
  readonly bytesTotal: number;
}

/** How many bytes of a blob are its own; those after it are all of the family's blobs'. */
export const blobHeadBytes = 64;

/** Where in a blob its number stands, as 16 hex digits. */
export const numberOffset = 16;

const hashing = createHashing();
const tails = new Map<number, Uint8Array<ArrayBuffer>>();

/** The first bytes of blob `number`. */
export function blobHead({ name }: Family, number: number): Uint8Array<ArrayBuffer> {
  const digest = createHash("sha256").update(name).digest("hex");
  const digits = digest.slice(0, numberOffset) + number.toString(16).padStart(16, "0");
  return new Uint8Array(Buffer.from(digits + digest.slice(0, blobHeadBytes - digits.length)));
}

/** The bytes after the first: noise, as ciphertext is. */
export function blobTail({ bytesTotal }: Family): Uint8Array<ArrayBuffer> {
  let tail = tails.get(bytesTotal);
  if (tail === undefined) {
    const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, 1), Buffer.alloc(16));
    tail = new Uint8Array(cipher.update(Buffer.alloc(bytesTotal - blobHeadBytes)));
    tails.set(bytesTotal, tail);
  }
  return tail;
}

/** Blob `number`, whole. */
export function blobOf(family: Family, number: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat([blobHead(family, number), blobTail(family)]));
}

/** The key of blob `number`, as 64 hex digits. */
export function keyOf(family: Family, number: number): string {
  const hasher = hashing.createHasher();
  try {
    hasher.update(blobHead(family, number));
    hasher.update(blobTail(family));
    return Buffer.from(hasher.digest()).toString("hex");
  } finally {
    hasher.dispose();
  }
}
