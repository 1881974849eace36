import { blobSizes, pathOf, type BlobName, type Expected } from "./conformance-row.ts";

/**
 * What a GET or HEAD of a blob comes to: all of it, a part, 304, 412 or 416. Places counted from
 * the end are negative.
 */
export type Outcome =
  | "whole"
  | "not-modified"
  | "failed"
  | "unsatisfiable"
  | readonly [first: number, last: number];

/** The answer that an outcome means; HEAD knows no parts (RFC 9110 section 14.2). */
export function toExpected(outcome: Outcome, method: "GET" | "HEAD", blob: BlobName): Expected {
  if (outcome === "not-modified") return notModified(blob);
  if (outcome === "failed") return withoutContentTo(method, failed);
  if (method === "HEAD") return described(blob);
  if (outcome === "whole") return whole(blob);
  return outcome === "unsatisfiable" ? unsatisfiable(blob) : part(blob, outcome);
}

/** 200 with all of a blob (RFC 9110 section 15.3.1). */
export function whole(blob: BlobName): Expected {
  return { ...described(blob), content: { kind: "blob", blob } };
}

/** 200 with all that is said of a blob, as HEAD gives it (RFC 9110 section 9.3.2). */
export function described(blob: BlobName): Expected {
  return {
    status: 200,
    fields: { ...blobFields(blob), "Content-Length": `{${blob}:size}` },
    absent: ["Content-Range", ...neverWithBlobs],
    content: { kind: "none" },
  };
}

/** 206 (RFC 9110 section 15.3.7). */
export function part(blob: BlobName, [from, to]: readonly [number, number]): Expected {
  const size = blobSizes[blob];
  const first = from < 0 ? size + from : from;
  const last = to < 0 ? size + to : to;
  return {
    status: 206,
    fields: {
      ...blobFields(blob),
      "Content-Range": `bytes ${first}-${last}/${size}`,
      "Content-Length": String(last + 1 - first),
    },
    absent: neverWithBlobs,
    content: { kind: "blob", blob, first, last },
  };
}

/** 304: what a cache updates, and nothing else of the blob (RFC 9110 section 15.4.5). */
export function notModified(blob: BlobName): Expected {
  return {
    status: 304,
    fields: cacheFields(blob),
    // Content-Length would have to be that of a 200 (section 8.6).
    absent: ["Content-Type", "Last-Modified", "Content-Range", "Content-Length", ...neverWithBlobs],
    content: { kind: "none" },
  };
}

/** An error as RFC 9457 has it; `details` must occur in `detail`. */
export function problem(
  status: number,
  code: string,
  details: readonly string[] = [],
): Expected & { readonly content: { readonly kind: "problem" } } {
  return {
    status,
    fields: {
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
      "Content-Length": /^[1-9]\d*$/,
    },
    // What is said of a blob is not true of a refusal.
    absent: ["ETag", "Last-Modified", "Accept-Ranges"],
    content: { kind: "problem", code, details },
  };
}

/** 412 (RFC 9110 section 15.5.13). */
export const failed = problem(412, "precondition_failed");

/** 404 for a key that nobody knows; another moment somebody may. */
export const notFound = problem(404, "not_found");

/** 404 for a path that does not exist. */
export const noRoute = problem(404, "route_not_found");

/** 405, with what the path takes (RFC 9110 section 15.5.6). */
export function notAllowed(allow: string): Expected {
  return withFields(problem(405, "method_not_allowed"), { Allow: allow });
}

/** 204 to OPTIONS (RFC 9110 section 9.3.7); a 204 has no length (section 8.6). */
export function options(allow: string): Expected {
  return {
    status: 204,
    fields: { Allow: allow },
    absent: ["Content-Length", "Transfer-Encoding", "Content-Type"],
    content: { kind: "none" },
  };
}

/** The receipt of an upload: 201 to a PUT of a new blob, else 200. */
export function receipt(blob: BlobName, { status = 200, isNew = false } = {}): Expected {
  return {
    status,
    fields: {
      "Content-Type": "application/json",
      "Cache-Control": "no-store",
      Location: pathOf(blob),
      ETag: `"{${blob}}"`,
    },
    absent: ["Last-Modified", "Accept-Ranges", "Connection"],
    content: {
      kind: "json",
      text: `{"hash":"{${blob}}","size":${blobSizes[blob]},"created":${isNew}}`,
    },
  };
}

/** A receipt for a new blob: 201 (RFC 9110 section 15.3.2). */
export function created(blob: BlobName): Expected {
  return receipt(blob, { status: 201, isNew: true });
}

/** The same answer with more fields. */
export function withFields(
  expected: Expected,
  fields: Readonly<Record<string, string | RegExp>>,
): Expected {
  return {
    ...expected,
    fields: { ...expected.fields, ...fields },
    absent: expected.absent.filter((name) => !(name in fields)),
  };
}

/** The same answer to HEAD, which has its fields alone. */
export function withoutContent(expected: Expected): Expected {
  return { ...expected, content: { kind: "none" } };
}

// --- internal ---

const neverWithBlobs = [
  "Content-Encoding",
  "Transfer-Encoding",
  "Content-Digest",
  "Repr-Digest",
  "Vary",
  "Location",
];

/** RFC 9111 section 5.2.2, RFC 8246; anybody may read (CORS). */
function cacheFields(blob: BlobName): Expected["fields"] {
  return {
    ETag: `"{${blob}}"`,
    "Cache-Control": "public, max-age=31536000, immutable",
    "Access-Control-Allow-Origin": "*",
  };
}

function blobFields(blob: BlobName): Expected["fields"] {
  return {
    ...cacheFields(blob),
    "Content-Type": "application/octet-stream",
    "Last-Modified": `{${blob}:modified}`,
    "Accept-Ranges": "bytes",
    "X-Content-Type-Options": "nosniff",
  };
}

function withoutContentTo(method: "GET" | "HEAD", expected: Expected): Expected {
  return method === "HEAD" ? withoutContent(expected) : expected;
}

/** 416 (RFC 9110 section 15.5.17). */
function unsatisfiable(blob: BlobName): Expected {
  return withFields(problem(416, "range_not_satisfiable"), {
    "Content-Range": `bytes */${blobSizes[blob]}`,
  });
}
