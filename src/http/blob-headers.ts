import { toHex, type Bytes } from "../domain/bytes.ts";
import type { BlobKey } from "../domain/blob-key.ts";
import type { BlobStat } from "../domain/blob-store.ts";
import { formatHttpDate, formatLastModified } from "../domain/http-date.ts";
import type { Validators } from "./conditions.ts";
import { readableFields } from "./origins.ts";
import type { Fields } from "./problem.ts";

/** The strong entity tag of a blob: its hash, quoted (RFC 9110 section 8.8.3). */
export function entityTagOf(hash: BlobKey): string {
  return `"${toHex(hash)}"`;
}

/** What the conditions of a request about a blob are held against. */
export function validatorsOf({ hash, createdAtMs }: BlobStat): Validators {
  return { entityTag: entityTagOf(hash), modifiedAtMs: createdAtMs };
}

/**
 * The fields that every answer about a blob has, 304 included (RFC 9110 section 15.4.5). A hash
 * always means the same bytes, so every cache may keep them for good (RFC 9111, RFC 8246); they
 * are anybody's to read.
 */
export function cacheFields(stat: BlobStat): Fields {
  return { ETag: entityTagOf(stat.hash), ...constantCacheFields };
}

/** The fields of an answer that carries a blob, or part of it, or would to GET. */
export function blobFields(stat: BlobStat): Fields {
  const { createdAtMs } = stat;
  return {
    ...cacheFields(stat),
    ...constantBlobFields,
    ...(createdAtMs === null ? {} : { "Last-Modified": formatLastModified(createdAtMs) }),
    ...(isNewerThanDate(createdAtMs) ? { Date: formatHttpDate(Date.now()) } : {}),
  };
}

/**
 * Makes answers that carry a whole blob. One Headers object serves all: a response copies it, and
 * few fields differ. A response kept for each blob and cloned would be as fast, but Bun keeps a
 * copy of the body in it; a field set on the response itself costs several times as much.
 * `fields` are on all of them, and RateLimit, if it is told, must be for all of them, too.
 */
export function createBlobResponses(
  fields: Fields = {},
): (blob: WholeBlob, rateLimit?: string) => Response {
  const headers = new Headers({ ...constantCacheFields, ...constantBlobFields, ...fields });
  const init = { headers };
  return ({ data, digits, createdAtMs, lastModified }, rateLimit) => {
    headers.set("ETag", `"${digits}"`);
    if (rateLimit !== undefined) headers.set("RateLimit", rateLimit);
    if (lastModified === null) headers.delete("Last-Modified");
    else headers.set("Last-Modified", lastModified);
    const response = new Response(data, init);
    if (isNewerThanDate(createdAtMs)) response.headers.set("Date", formatHttpDate(Date.now()));
    return response;
  };
}

/** A blob with what an answer says of it. */
export interface WholeBlob {
  readonly data: Bytes;
  readonly digits: string;
  readonly createdAtMs: number | null;
  /** The same as HTTP writes it. */
  readonly lastModified: string | null;
}

// --- internal ---

const constantCacheFields = {
  "Cache-Control": "public, max-age=31536000, immutable",
  ...readableFields,
};

/** How far Bun's Date is behind the clock at most: a second, and what the house is busy for. */
const dateLagMsMax = 2000;

/**
 * Whether a blob may be so new that Last-Modified would be later than the Date which Bun adds, as
 * it must not be (RFC 9110 section 8.8.2.1): such an answer brings its own.
 */
function isNewerThanDate(createdAtMs: number | null): boolean {
  return createdAtMs !== null && createdAtMs > Date.now() - dateLagMsMax;
}

/**
 * Nobody's document: no browser may guess a type, and what one shows all the same runs no script
 * and has no origin; other pages may embed it.
 */
const constantBlobFields = {
  "Content-Type": "application/octet-stream",
  "Accept-Ranges": "bytes",
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "sandbox",
  "Cross-Origin-Resource-Policy": "cross-origin",
};
