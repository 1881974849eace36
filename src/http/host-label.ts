import {
  hashBytes,
  parseBlobKey,
  prefixBytes,
  toBlobHash,
  type BlobKey,
} from "../domain/blob-key.ts";
import { toHex } from "../domain/bytes.ts";
import { RegistryError } from "../domain/errors.ts";

/**
 * The key that a label of a host name stands for: the first 32 hexadecimal digits of a hash, or
 * all of it in base32 (RFC 4648 section 6, without padding: 52 characters). Any case is taken, for
 * names have none.
 * @throws RegistryError `invalid_label`, which tells the two forms
 */
export function parseHostLabel(label: string): BlobKey {
  if (/^[0-9a-f]{32}$/i.test(label)) return parseBlobKey(label);
  const hash = label.length === base32Digits ? decodeBase32(label.toLowerCase()) : null;
  if (hash !== null) return toBlobHash(hash);
  const why = /^[0-9a-f]{64}$/i.test(label)
    ? "64 hexadecimal digits do not fit: a label of a host name has at most 63 octets (RFC 1035)"
    : "this label names no blob";
  throw new RegistryError(
    "invalid_label",
    `${capitalized(why)}; write the first ${2 * prefixBytes} hexadecimal digits of the hash, or ` +
      `all of it in base32 (RFC 4648, lower case, unpadded: ${base32Digits} characters).`,
  );
}

/** The label of a blob that every gateway understands: the first 32 digits of its hash. */
export function hostLabelOf(hash: BlobKey): string {
  return toHex(hash).slice(0, 2 * prefixBytes);
}

// --- internal ---

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
const base32Digits = Math.ceil((hashBytes * 8) / 5);

/** The 32 bytes of 52 digits; null when a digit is none, or one of the four spare bits is set. */
function decodeBase32(digits: string): Uint8Array<ArrayBuffer> | null {
  const bytes = new Uint8Array(hashBytes);
  let bits = 0;
  let bitCount = 0;
  let filled = 0;
  for (const digit of digits) {
    const value = alphabet.indexOf(digit);
    if (value < 0) return null;
    bits = (bits << 5) | value;
    bitCount += 5;
    if (bitCount < 8) continue;
    bitCount -= 8;
    bytes[filled] = bits >> bitCount;
    filled += 1;
    bits &= (1 << bitCount) - 1;
  }
  return bits === 0 ? bytes : null;
}

function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
