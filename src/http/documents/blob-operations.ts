import type { ErrorCode } from "../../domain/errors.ts";
import { limits } from "../../domain/limits.ts";
import { emptyHash, exampleBlob } from "./examples.ts";
import { readable, requestHeaders, responseHeaders } from "./fields.ts";
import { bodilessRefusals, refusals } from "./refusals.ts";
import { blobSchema, hashPattern, keyPattern } from "./schemas.ts";

/** What the operations on blobs say of themselves in the OpenAPI document (3.0.3). */

const keyCodes: readonly ErrorCode[] = ["invalid_key_length", "invalid_key_digit"];
const databaseCodes: readonly ErrorCode[] = [
  "database_unavailable",
  "database_timeout",
  "overloaded",
  "starting",
];
const tokenCodes: readonly ErrorCode[] = ["token_required", "token_invalid", "token_expired"];
const uploadCodes: readonly ErrorCode[] = [
  "origin_not_allowed",
  ...tokenCodes,
  "rate_limited",
  "taken_down",
  "truncated_body",
  "invalid_digest",
  "digest_mismatch",
  "request_timeout",
  "blob_too_large",
  "unsupported_content_encoding",
  "internal_error",
  ...databaseCodes,
  "upload_expired",
  "read_only",
  "storage_full",
  "quota_exceeded",
];
const downloadCodes: readonly ErrorCode[] = [
  ...keyCodes,
  "rate_limited",
  "not_found",
  "taken_down",
  "precondition_failed",
  "corrupt_blob",
  "internal_error",
  ...databaseCodes,
];

const keyParameter = {
  name: "hash",
  in: "path" as const,
  required: true,
  description:
    "The key of the blob: its BLAKE3 hash, all 64 hexadecimal digits or the first 32, in any case",
  schema: { type: "string" as const, pattern: keyPattern },
  example: exampleBlob.hash,
};

const hashParameter = {
  ...keyParameter,
  description: "The BLAKE3 hash of the body: all 64 hexadecimal digits, in any case",
  schema: { type: "string" as const, pattern: hashPattern },
};

/** What is told where a limit applies. */
const rateLimits = ["RateLimitPolicy", "RateLimit"] as const;

const blobContent = { "application/octet-stream": { schema: blobSchema } };

const blobFields = [
  "ETag",
  "CacheForever",
  ...rateLimits,
  ...readable,
  "LastModified",
  "AcceptRanges",
  "NoSniff",
  "Sandbox",
  "Embeddable",
] as const;

const notModified = {
  description: "The client has the blob already",
  headers: responseHeaders("ETag", "CacheForever", ...rateLimits, ...readable),
};

const receipt = (description: string) => ({
  description,
  headers: responseHeaders("Location", "ETag", "CacheNever", ...rateLimits, ...readable),
  content: { "application/json": { schema: { $ref: "#/components/schemas/Receipt" } } },
});

/** A token, where the operator gives them out. */
const security = [{}, { token: [] }];

/** POST /api/v1/metadata */
export const saveMetadataDetail = {
  operationId: "saveMetadata",
  tags: ["Metadata"],
  security,
  summary: "Upload a blob in a form",
  description:
    "Stores the bytes of the first part named `data`, exactly as they are; other parts are " +
    "ignored. Answers once the blob is committed, for a new blob and a known one alike. Safe to " +
    "repeat.",
  parameters: requestHeaders("ContentDigest", "ReprDigest"),
  requestBody: {
    required: true,
    content: {
      "multipart/form-data": {
        schema: { type: "object" as const, required: ["data"], properties: { data: blobSchema } },
      },
    },
  },
  responses: {
    200: receipt("The blob is stored"),
    ...refusals(
      [
        "missing_data_part",
        "no_parts",
        "missing_boundary",
        "invalid_boundary",
        "bare_line_feed",
        "invalid_part_header",
        "nul_in_part_name",
        "data_after_end",
        "too_many_parts",
        "part_headers_too_large",
        "other_parts_too_large",
        "unsupported_media_type",
        ...uploadCodes,
      ],
      {
        missing_data_part: "No part of the form is named data; curl -F data=@FILE names it so.",
        unsupported_media_type:
          "Send the blob as multipart/form-data, in a part named data: curl -F data=@FILE does.",
      },
    ),
  },
};

/** POST /api/v1/metadata/exists */
export const findMissingDetail = {
  operationId: "findMissing",
  tags: ["Metadata"],
  security,
  summary: "Ask which of many blobs are missing",
  description:
    `Takes up to ${limits.keyListMax} keys, and costs one query. A key whose stored bytes are ` +
    "known to be bad counts as missing: an upload of the true ones repairs it.",
  requestBody: {
    required: true,
    content: { "application/json": { schema: { $ref: "#/components/schemas/KeyList" } } },
  },
  responses: {
    200: {
      description: "Which of them are missing",
      headers: responseHeaders("CacheNever", ...rateLimits, ...readable),
      content: { "application/json": { schema: { $ref: "#/components/schemas/Missing" } } },
    },
    ...refusals(
      [
        "invalid_key_list",
        "too_many_keys",
        ...tokenCodes,
        "rate_limited",
        ...keyCodes,
        "truncated_body",
        "request_timeout",
        "body_too_large",
        "unsupported_media_type",
        "unsupported_content_encoding",
        "internal_error",
        ...databaseCodes,
      ],
      {
        invalid_key_list:
          'The body must be JSON: an object whose "hashes" is a list of keys as strings.',
        body_too_large:
          `Ask for at most ${limits.keyListMax} keys at once, ` +
          `in a body of at most ${limits.keyListBytesMax} bytes.`,
        unsupported_media_type: 'Send the keys as application/json: {"hashes": ["…"]}.',
      },
    ),
  },
};

/** GET /api/v1/metadata/{hash} */
export const loadMetadataDetail = {
  operationId: "loadMetadata",
  tags: ["Metadata"],
  summary: "Download a blob, or a part of it",
  description:
    "Gives the bytes that were uploaded. They are hashed again before they leave; when a long " +
    "answer turns out wrong on the way, the connection is reset.",
  parameters: [
    keyParameter,
    ...requestHeaders(
      "IfNoneMatch",
      "IfModifiedSince",
      "IfMatch",
      "IfUnmodifiedSince",
      "Range",
      "IfRange",
      "WantReprDigest",
    ),
  ],
  responses: {
    200: {
      description: "The blob",
      headers: responseHeaders(...blobFields, "BytesSent", "ReprDigest"),
      content: blobContent,
    },
    206: {
      description: "The part of the blob that Range names",
      headers: responseHeaders(...blobFields, "SentRange", "BytesSent", "ReprDigest"),
      content: blobContent,
    },
    304: notModified,
    ...refusals([...downloadCodes, "range_not_satisfiable"], {
      precondition_failed:
        "The blob is not what If-Match or If-Unmodified-Since names; leave the condition out.",
      rate_limited:
        "These are more reads than the operator of this registry allows one client; go on after " +
        "the seconds that Retry-After tells.",
      range_not_satisfiable:
        `The blob has ${exampleBlob.bytesTotal} bytes; ` +
        "ask for a range that begins within them.",
      corrupt_blob:
        "The stored bytes do not match the key; an upload of the blob repairs it. " +
        "Tell the operator.",
    }),
  },
};

/** HEAD /api/v1/metadata/{hash} */
export const headMetadataDetail = {
  operationId: "headMetadata",
  tags: ["Metadata"],
  summary: "Ask for a blob without its bytes",
  description:
    "The headers of the download, always with Content-Length. Reads no blob data, and so tells " +
    "no digest. Range is for GET alone. Refusals have no body.",
  parameters: [
    keyParameter,
    ...requestHeaders("IfNoneMatch", "IfModifiedSince", "IfMatch", "IfUnmodifiedSince"),
  ],
  responses: {
    200: {
      description: "The blob is here",
      headers: responseHeaders(...blobFields, "BytesTotal"),
    },
    304: notModified,
    ...bodilessRefusals(downloadCodes),
  },
};

/** PUT /api/v1/metadata/{hash} */
export const putMetadataDetail = {
  operationId: "putMetadata",
  tags: ["Metadata"],
  security,
  summary: "Upload a blob under its hash",
  description:
    "Stores the body, exactly as it is and whatever its Content-Type, if it hashes to the key. " +
    "Answers once the blob is committed. Safe to repeat.",
  parameters: [
    hashParameter,
    ...requestHeaders("IfNoneMatch", "IfMatch", "IfUnmodifiedSince", "ContentDigest", "ReprDigest"),
  ],
  requestBody: { required: true, content: blobContent },
  responses: {
    200: receipt("The blob is here already"),
    201: receipt("The blob is stored"),
    ...refusals(
      [...keyCodes, "partial_upload", "precondition_failed", "hash_mismatch", ...uploadCodes],
      {
        precondition_failed:
          "The condition of this request does not hold: the blob is here. " +
          "Leave the condition out to store it in any case.",
        hash_mismatch:
          `The body hashes to ${emptyHash}, not to the key ${exampleBlob.hash}; ` +
          "nothing was stored. Send the bytes of the blob as they are, in no form.",
      },
    ),
  },
};
