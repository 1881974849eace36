import { toHex, type Bytes } from "../domain/bytes.ts";
import type { BlobKey } from "../domain/blob-key.ts";
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
export function blobFields(entityTag: string): Fields {
  return {
    "Content-Type": "application/octet-stream",
    ETag: entityTag,
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Origin": "*",
  };
}

/**
 * Makes answers that carry a whole blob. One Headers object serves all: a response copies it, and
 * only the entity tag differs. A response kept for each blob and cloned would be as fast, but Bun
 * keeps a copy of the body in it.
 */
export function createBlobResponses(): (data: Bytes, digits: string) => Response {
  const headers = new Headers(blobFields(""));
  const init = { headers };
  return (data, digits) => {
    headers.set("ETag", `"${digits}"`);
    return new Response(data, init);
  };
}
