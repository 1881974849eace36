import type { BlobHash } from "./blob-key.ts";
import type { Bytes } from "./bytes.ts";

/** BLAKE3 over bytes that come in pieces. Used by one caller; `dispose` once, whatever happened. */
export interface Hasher {
  /** Takes the next bytes; they may be reused as soon as it returns. */
  update(bytes: Bytes): void;
  /** The hash of all bytes so far. */
  digest(): BlobHash;
  /** Gives back what the hasher holds outside the JavaScript heap; a second call does nothing. */
  dispose(): void;
}

/** A way to compute BLAKE3. */
export interface Hashing {
  /** Which implementation this is, for the log. */
  readonly implementation: "native" | "wasm";
  /** The hash of bytes that are all there. */
  hash(bytes: Bytes): BlobHash;
  createHasher(): Hasher;
}
