import { toHex } from "../domain/bytes.ts";
import type { BlobKey } from "../domain/blob-key.ts";
import type { BlobStat } from "../domain/blob-store.ts";
import type { Fields } from "./problem.ts";

/** The strong entity tag of a blob: its hash, quoted (RFC 9110 section 8.8.3). */
export function entityTagOf(hash: BlobKey): string {
  return `"${toHex(hash)}"`;
}

/**
 * The fields of an answer that carries a blob. A hash always means the same bytes, so every cache
 * may keep them for good (RFC 9111, RFC 8246); they are nobody's document, so no browser may guess
 * a type, and anybody's to read.
 */
export function blobFields({ hash }: BlobStat): Fields {
  return {
    "Content-Type": "application/octet-stream",
    ETag: entityTagOf(hash),
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Origin": "*",
  };
}
