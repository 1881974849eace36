import { bytesEqual, startsWith, type Bytes } from "./bytes.ts";
import { RegistryError } from "./errors.ts";

declare const hashBrand: unique symbol;
declare const keyBrand: unique symbol;

/** The 32-byte BLAKE3 hash of a blob: its identity. */
export type BlobHash = Bytes & { readonly [hashBrand]: true };

/** What a reader may name a blob by: its hash (32 bytes), or the first 16 bytes of it. */
export type BlobKey = BlobHash | (Bytes & { readonly [keyBrand]: true });

export const hashBytes = 32;
export const prefixBytes = 16;

/** Brands 32 bytes as a hash. */
export function toBlobHash(bytes: Bytes): BlobHash {
  if (bytes.length !== hashBytes) throw new Error(`a hash has ${hashBytes} bytes`);
  return bytes as BlobHash;
}

/** Brands the 16 or 32 bytes of a stored row's key, or of a request's, as a key. */
export function toBlobKey(bytes: Bytes): BlobKey {
  if (bytes.length !== hashBytes && bytes.length !== prefixBytes) {
    throw new Error(`a key has ${hashBytes} or ${prefixBytes} bytes`);
  }
  return bytes as BlobKey;
}

/**
 * Reads a key from 64 hexadecimal digits (the hash) or 32 (its first 16 bytes: BLAKE3 truncated is
 * a prefix of BLAKE3), upper or lower case.
 * @throws RegistryError `invalid_key_length` or `invalid_key_digit`
 */
export function parseBlobKey(text: string): BlobKey {
  const digits = text.length;
  if (digits !== 2 * hashBytes && digits !== 2 * prefixBytes) {
    throw new RegistryError(
      "invalid_key_length",
      `A key has 64 hexadecimal digits, or the first 32 of them; this one has ${digits}.`,
    );
  }
  try {
    return toBlobKey(Uint8Array.fromHex(text));
  } catch (cause) {
    const at = text.search(/[^\da-f]/i) + 1;
    throw new RegistryError(
      "invalid_key_digit",
      `A key holds only hexadecimal digits (0-9, a-f, A-F); look at digit ${at}.`,
      { cause },
    );
  }
}

/** Whether a blob of this hash is what `key` names. */
export function keyMatches(key: BlobKey, hash: BlobHash): boolean {
  return key.length === hashBytes ? bytesEqual(key, hash) : startsWith(hash, key);
}

/** The first 16 bytes of a key: what every key of a blob has in common. */
export function prefixOf(key: BlobKey): Bytes {
  return key.subarray(0, prefixBytes);
}
