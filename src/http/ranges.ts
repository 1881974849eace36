import type { ByteRange } from "../domain/blob-store.ts";

/** What a Range field asks for: a part, one that does not exist, or, null, the whole. */
export type AskedRange = ByteRange | "unsatisfiable" | null;

/**
 * Reads a Range field for a blob of `bytesTotal` bytes (RFC 9110 section 14.1.2): first-last,
 * first-, or -suffix, cut to the end of the blob. Another unit, a malformed field, and several
 * ranges, which few ask for and which amplify, are answered by the whole (section 14.2).
 */
export function parseRange(range: string, bytesTotal: number): AskedRange {
  const found = singleRange.exec(range);
  if (found === null) return null;
  const [, firstDigits, lastDigits, suffixDigits] = found;
  if (suffixDigits !== undefined) return suffixOf(Number(suffixDigits), bytesTotal);
  // Digits without end are rounded, and still lie beyond every blob.
  const first = Number(firstDigits);
  const last = lastDigits === "" ? Infinity : Number(lastDigits);
  if (last < first) return null; // invalid, which is not to say unsatisfiable
  if (first >= bytesTotal) return "unsatisfiable";
  return { first, last: Math.min(last, bytesTotal - 1) };
}

/** `Content-Range` of a part (RFC 9110 section 14.4). */
export function contentRangeOf({ first, last }: ByteRange, bytesTotal: number): string {
  return `bytes ${first}-${last}/${bytesTotal}`;
}

/** `Content-Range` of the refusal of a range that does not exist. */
export function unsatisfiedRangeOf(bytesTotal: number): string {
  return `bytes */${bytesTotal}`;
}

// --- internal ---

/** One range in bytes; the empty elements of the list around it do not count (section 5.6.1). */
const singleRange = /^[ \t]*bytes=[ \t,]*(?:(\d+)-(\d*)|-(\d+))[ \t,]*$/i;

function suffixOf(length: number, bytesTotal: number): AskedRange {
  if (length === 0) return "unsatisfiable";
  if (bytesTotal === 0) return null; // no part of nothing can be named
  return { first: Math.max(0, bytesTotal - length), last: bytesTotal - 1 };
}
