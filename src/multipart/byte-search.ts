import type { Bytes } from "../domain/bytes.ts";

/**
 * Where `pattern` first stands in `bytes` at or after `from`; -1 when it does not. Buffer's search,
 * which is native, without making a Buffer: asking a view for its `buffer` alone costs as much.
 */
export function findBytes(pattern: Bytes, bytes: Bytes, from: number): number {
  return Buffer.prototype.indexOf.call(bytes, pattern, from);
}

/** Whether `pattern` stands at `offset`; "partly" when `bytes` end within it. */
export function standsAt(pattern: Bytes, bytes: Bytes, offset: number): boolean | "partly" {
  const length = Math.min(pattern.length, bytes.length - offset);
  for (let index = 0; index < length; index += 1) {
    if (bytes[offset + index] !== pattern[index]) return false;
  }
  return length === pattern.length ? true : "partly";
}

/**
 * How many bytes at the very end may be the beginning of `pattern`, fewer than all of it. The
 * pattern must not begin anywhere within itself.
 */
export function partialTail(pattern: Bytes, bytes: Bytes): number {
  const first = pattern[0];
  const start = Math.max(0, bytes.length - pattern.length + 1);
  for (let offset = start; offset < bytes.length; offset += 1) {
    if (bytes[offset] === first && standsAt(pattern, bytes, offset) === "partly") {
      return bytes.length - offset;
    }
  }
  return 0;
}
