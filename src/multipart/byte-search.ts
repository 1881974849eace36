import type { Bytes } from "../domain/bytes.ts";

/** Looks for one pattern of bytes, over and over. */
export interface ByteSearch {
  /** Where the pattern first stands in `bytes` at or after `from`; -1 when it does not. */
  find(bytes: Bytes, from: number): number;
  /** Whether the pattern stands at `offset`; "partly" when the bytes end within it. */
  standsAt(bytes: Bytes, offset: number): boolean | "partly";
  /** How many bytes at the very end may be the beginning of the pattern, fewer than all of it. */
  partialTail(bytes: Bytes): number;
}

/** A search for `pattern`, which must not begin anywhere within itself. */
export function createByteSearch(pattern: Bytes): ByteSearch {
  const needle = toBuffer(pattern);

  function standsAt(bytes: Bytes, offset: number): boolean | "partly" {
    const length = Math.min(pattern.length, bytes.length - offset);
    for (let index = 0; index < length; index += 1) {
      if (bytes[offset + index] !== pattern[index]) return false;
    }
    return length === pattern.length ? true : "partly";
  }

  function partialTail(bytes: Bytes): number {
    const first = pattern[0];
    const start = Math.max(0, bytes.length - pattern.length + 1);
    for (let offset = start; offset < bytes.length; offset += 1) {
      if (bytes[offset] === first && standsAt(bytes, offset) === "partly") {
        return bytes.length - offset;
      }
    }
    return 0;
  }

  return {
    find: (bytes, from) => toBuffer(bytes).indexOf(needle, from),
    standsAt,
    partialTail,
  };
}

// --- internal ---

/** The same bytes as a Buffer, whose `indexOf` is native. */
function toBuffer(bytes: Bytes): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
