import { limits } from "../../domain/limits.ts";
import { exampleBlob } from "./examples.ts";

/** The header fields of requests and answers in the OpenAPI document (3.0.3). */

const entityTag = `"${exampleBlob.hash}"`;
const date = "Sun, 06 Nov 1994 08:49:37 GMT";

/**
 * Fields of a request. Without `example`: Swagger UI would fill it in and send it, and so turn
 * every download into a part of it, or into 304.
 */
export const requestFields = {
  IfNoneMatch: requestField(
    "If-None-Match",
    "Entity tags that the client has, or `*` for any. When the blob's is among them, GET and " +
      "HEAD answer 304, and PUT 412: with `*`, PUT stores only what is not here.",
    entityTag,
  ),
  IfModifiedSince: requestField(
    "If-Modified-Since",
    "A date: 304 when the blob was stored no later. Does not count beside If-None-Match.",
    date,
  ),
  IfMatch: requestField(
    "If-Match",
    "Entity tags of which one must be the blob's, or `*` for any; else 412.",
    entityTag,
  ),
  IfUnmodifiedSince: requestField(
    "If-Unmodified-Since",
    "A date: 412 when the blob was stored later. Does not count beside If-Match.",
    date,
  ),
  Range: requestField(
    "Range",
    "One range of bytes, `first-last`, `first-` or `-suffix`, cut to the end of the blob. " +
      "Several, another unit, and what cannot be read are answered by the whole.",
    "bytes=0-4",
  ),
  IfRange: requestField(
    "If-Range",
    "The entity tag, or the date, of what the client has a part of: if the blob has another, the " +
      "answer is the whole.",
    entityTag,
  ),
  WantReprDigest: requestField(
    "Want-Repr-Digest",
    "Asks for the sha-256 or sha-512 of the whole blob (RFC 9530). Told of blobs of up to " +
      `${mebibytes(limits.inlineBlobBytesMax)}.`,
    "sha-256=1",
  ),
  ContentDigest: requestField(
    "Content-Digest",
    "The sha-256 or sha-512 of the body (RFC 9530); of a form, with all that surrounds the blob. " +
      "When the body has another, nothing is stored.",
    exampleBlob.sha256,
  ),
  ReprDigest: requestField(
    "Repr-Digest",
    "The same as Content-Digest, since no body is encoded. Both are compared.",
    exampleBlob.sha256,
  ),
} as const;

/** Fields of an answer: those of every such answer, and those that some have. */
const responseFields = {
  ETag: always("ETag", "The hash, quoted: a strong entity tag", entityTag),
  CacheForever: always(
    "Cache-Control",
    "A blob never changes",
    "public, max-age=31536000, immutable",
  ),
  CacheNever: always("Cache-Control", "To be kept by no cache", "no-store"),
  AnyOrigin: always("Access-Control-Allow-Origin", "Pages of every origin may read it", "*"),
  AnyField: always("Access-Control-Expose-Headers", "They may read all of its fields", "*"),
  LastModified: sometimes("Last-Modified", "When the blob was stored, where that is known", date),
  AcceptRanges: always("Accept-Ranges", "One range of bytes at a time", "bytes"),
  NoSniff: always("X-Content-Type-Options", "No browser may guess a type", "nosniff"),
  Sandbox: always("Content-Security-Policy", "Shown all the same, it runs no script", "sandbox"),
  Embeddable: always(
    "Cross-Origin-Resource-Policy",
    "Pages of every origin may embed it",
    "cross-origin",
  ),
  BytesTotal: always("Content-Length", "Bytes of the blob", exampleBlob.bytesTotal),
  BytesSent: sometimes(
    "Content-Length",
    `Of up to ${mebibytes(limits.bufferedResponseBytesMax)}; longer answers are chunked`,
    exampleBlob.bytesTotal,
  ),
  SentRange: always(
    "Content-Range",
    "Which bytes these are, of how many",
    `bytes 0-4/${exampleBlob.bytesTotal}`,
  ),
  UnsatisfiedRange: always(
    "Content-Range",
    "How many bytes the blob has",
    `bytes */${exampleBlob.bytesTotal}`,
  ),
  ReprDigest: sometimes(
    "Repr-Digest",
    "Of the whole blob, when Want-Repr-Digest asks for it",
    exampleBlob.sha256,
  ),
  Location: always("Location", "The path of the blob", `/api/v1/metadata/${exampleBlob.hash}`),
  Challenge: always(
    "WWW-Authenticate",
    "That it takes a token, and what is wrong with the one that came (RFC 6750)",
    'Bearer realm="mycelium-cdn-registry"',
  ),
  RateLimitPolicy: sometimes(
    "RateLimit-Policy",
    "Where a limit applies: what a client may have (`q`) in how many seconds (`w`)",
    '"uploads";q=100;w=60',
  ),
  RateLimit: sometimes(
    "RateLimit",
    "Where a limit applies: what is left (`r`), and in how many seconds there is more (`t`)",
    '"uploads";r=99;t=1',
  ),
  RetryAfter: always("Retry-After", "Seconds to wait before the same request", 1),
} as const;

/** The fields of answers by the names under which `responseHeaders` refers to them. */
export const headerComponents = Object.fromEntries(
  Object.entries(responseFields).map(([key, { header }]) => [key, header]),
);

/** References to fields of a request. */
export function requestHeaders(...fields: readonly (keyof typeof requestFields)[]) {
  return fields.map((field) => ({ $ref: `#/components/parameters/${field}` }));
}

/** What an answer has that pages of every origin may read. */
export const readable = ["AnyOrigin", "AnyField"] as const;

/** References to fields of an answer, by their names. */
export function responseHeaders(...fields: readonly (keyof typeof responseFields)[]) {
  return Object.fromEntries(
    fields.map((field) => [responseFields[field].name, { $ref: `#/components/headers/${field}` }]),
  );
}

// --- internal ---

function requestField(name: string, description: string, example: string) {
  return {
    name,
    in: "header" as const,
    description: `${description} Example: \`${example}\``,
    schema: { type: "string" as const },
  };
}

function always(name: string, description: string, example: string | number) {
  return { name, header: { required: true, ...shown(description, example) } };
}

function sometimes(name: string, description: string, example: string | number) {
  return { name, header: shown(description, example) };
}

function shown(description: string, example: string | number) {
  const type = typeof example === "number" ? ("integer" as const) : ("string" as const);
  return { description, schema: { type, example } };
}

function mebibytes(bytes: number): string {
  return `${bytes / 1024 ** 2} MiB`;
}
