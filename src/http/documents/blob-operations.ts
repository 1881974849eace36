import { hashExample, keyPattern } from "./schemas.ts";

/** What the operations on blobs say of themselves in the OpenAPI document (3.0.3). */

const problem = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
});

const unavailable = (codes: string) => ({
  ...problem(`${codes}: try again after \`Retry-After\`.`),
  headers: { "Retry-After": { schema: { type: "integer" as const }, description: "Seconds" } },
});

const databaseIsOut = "`database_unavailable`, `database_timeout`, `overloaded`, `starting`";

const text = (description: string, example: string) => ({
  description,
  schema: { type: "string" as const, example },
});

const header = (name: string, description: string, example: string) => ({
  name,
  in: "header" as const,
  ...text(description, example),
});

const dateExample = "Sun, 06 Nov 1994 08:49:37 GMT";

const hashParameter = {
  name: "hash",
  in: "path" as const,
  required: true,
  description:
    "The BLAKE3 hash of the blob: all 64 hexadecimal digits, or the first 32. Any case is taken.",
  schema: { type: "string" as const, pattern: keyPattern },
  example: hashExample,
};

const fullHashParameter = {
  ...hashParameter,
  description: "The BLAKE3 hash of the body: all 64 hexadecimal digits. Any case is taken.",
  schema: { type: "string" as const, pattern: "^[0-9a-fA-F]{64}$" },
};

const conditionParameters = [
  header("If-None-Match", "Entity tags that the client has, or `*`", `"${hashExample}"`),
  header("If-Modified-Since", "A date; If-None-Match counts before it", dateExample),
  header("If-Match", "Entity tags of which one must be the blob's, or `*`", `"${hashExample}"`),
  header("If-Unmodified-Since", "A date; If-Match counts before it", dateExample),
];

const digestParameters = [
  header("Content-Digest", "SHA-256 or SHA-512 of the body, compared", "sha-256=:BASE64:"),
  header("Repr-Digest", "The same here, where no body is encoded", "sha-256=:BASE64:"),
];

const cacheHeaders = {
  ETag: text("The hash, quoted: a strong entity tag", `"${hashExample}"`),
  "Cache-Control": text("Blobs never change", "public, max-age=31536000, immutable"),
};

const blobHeaders = {
  ...cacheHeaders,
  "Last-Modified": text("When it was stored, if that is known", dateExample),
  "Accept-Ranges": text("One range of bytes at a time", "bytes"),
  "X-Content-Type-Options": text("Blobs are nobody's document", "nosniff"),
};

const digestHeader = {
  "Repr-Digest": text(
    "When Want-Repr-Digest asks, of blobs of up to 2 MiB: of all of the blob",
    "sha-256=:BASE64:",
  ),
};

const blobContent = {
  "application/octet-stream": { schema: { type: "string" as const, format: "binary" } },
};

const receipt = (description: string) => ({
  description,
  headers: {
    Location: text("Where the blob is", `/api/v1/metadata/${hashExample}`),
    ETag: cacheHeaders.ETag,
  },
  content: { "application/json": { schema: { $ref: "#/components/schemas/Receipt" } } },
});

const keyRefusal = problem("`invalid_key_length`, `invalid_key_digit`: not a key.");
const unknown = problem("`not_found`: no blob has this key here.");
const corrupt = problem("`corrupt_blob`: the stored bytes do not match the key; never served.");
const failed = problem("`internal_error`: the registry failed.");
const full = problem("`storage_full`: the database's disk is full.");
const late = problem("`request_timeout`: the body did not arrive in time.");
const tooLarge = problem("`blob_too_large`: the blob is larger than this registry takes.");
const precondition = problem("`precondition_failed`: a condition of the request does not hold.");

const digestCodes = "`invalid_digest`, `digest_mismatch`";

/** POST /api/v1/metadata */
export const saveMetadataDetail = {
  operationId: "saveMetadata",
  tags: ["Metadata"],
  summary: "Upload a blob",
  description:
    "Stores the bytes of the first part named `data`, exactly as they are; other parts are " +
    "ignored. Answered once the blob is committed. Uploads are idempotent: repeat one that failed.",
  parameters: digestParameters,
  requestBody: {
    required: true,
    content: {
      "multipart/form-data": {
        schema: {
          type: "object" as const,
          required: ["data"],
          properties: { data: { type: "string" as const, format: "binary" } },
        },
      },
    },
  },
  responses: {
    200: receipt("Stored, or there already"),
    400: problem(
      "The form cannot be read: `missing_boundary`, `invalid_boundary`, `no_parts`, " +
        "`missing_data_part`, `truncated_body`, `bare_line_feed`, `invalid_part_header`, " +
        "`nul_in_part_name`, `data_after_end`, `too_many_parts`, `part_headers_too_large`, " +
        `\`other_parts_too_large\`; or it is not what was announced: ${digestCodes}.`,
    ),
    408: late,
    413: tooLarge,
    415: problem(
      "`unsupported_media_type`: not multipart/form-data; `unsupported_content_encoding`: any " +
        "Content-Encoding.",
    ),
    500: failed,
    503: unavailable(`${databaseIsOut}, \`upload_expired\``),
    507: full,
  },
};

/** POST /api/v1/metadata/exists */
export const findMissingDetail = {
  operationId: "findMissing",
  tags: ["Metadata"],
  summary: "Ask which of many blobs are missing",
  description:
    "Answers by one query. A key whose stored bytes are known to be bad counts as missing: an " +
    "upload of the true ones repairs it.",
  requestBody: {
    required: true,
    content: { "application/json": { schema: { $ref: "#/components/schemas/KeyList" } } },
  },
  responses: {
    200: {
      description: "Those that are missing",
      content: { "application/json": { schema: { $ref: "#/components/schemas/Missing" } } },
    },
    400: problem(
      "`invalid_key_list`: not such a JSON; `too_many_keys`: over 1,000; `invalid_key_length`, " +
        "`invalid_key_digit`: one of them is not a key; `truncated_body`.",
    ),
    408: late,
    413: problem("`body_too_large`: the list has over 256 KiB."),
    415: problem("`unsupported_media_type`: not application/json."),
    500: failed,
    503: unavailable(databaseIsOut),
  },
};

/** GET /api/v1/metadata/{hash} */
export const loadMetadataDetail = {
  operationId: "loadMetadata",
  tags: ["Metadata"],
  summary: "Download a blob, or a part of it",
  description:
    "Gives the bytes that were uploaded. They are hashed again before they leave; when a long " +
    "answer turns out wrong on the way, the connection is reset. Answers of up to 8 MiB carry " +
    "Content-Length, longer ones are chunked. Several ranges are answered by the whole.",
  parameters: [
    hashParameter,
    ...conditionParameters,
    header("Range", "One range of bytes: first-last, first- or -suffix", "bytes=0-499"),
    header("If-Range", "An entity tag or a date: the range only if it is this", `"${hashExample}"`),
    header("Want-Repr-Digest", "Which digest of the blob is wanted", "sha-256=1"),
  ],
  responses: {
    200: {
      description: "The blob",
      headers: { ...blobHeaders, ...digestHeader },
      content: blobContent,
    },
    206: {
      description: "The part of it that Range names",
      headers: {
        ...blobHeaders,
        ...digestHeader,
        "Content-Range": text("Which part of how much", "bytes 0-499/1234"),
      },
      content: blobContent,
    },
    304: { description: "The client has it already", headers: cacheHeaders },
    400: keyRefusal,
    404: unknown,
    412: precondition,
    416: {
      ...problem("`range_not_satisfiable`: the range begins beyond the end."),
      headers: { "Content-Range": text("How much there is", "bytes */1234") },
    },
    500: corrupt,
    503: unavailable(databaseIsOut),
  },
};

/** HEAD /api/v1/metadata/{hash} */
export const headMetadataDetail = {
  operationId: "headMetadata",
  tags: ["Metadata"],
  summary: "Ask for a blob without its bytes",
  description:
    "The headers of the download, always with Content-Length. Reads no blob data, and so tells no " +
    "digest; Range is for GET alone.",
  parameters: [hashParameter, ...conditionParameters],
  responses: {
    200: {
      description: "The blob is here",
      headers: {
        ...blobHeaders,
        "Content-Length": {
          description: "Bytes of the blob",
          schema: { type: "integer" as const },
        },
      },
    },
    304: { description: "The client has it already", headers: cacheHeaders },
    400: { description: "Not a key" },
    404: { description: "No blob has this key here" },
    412: { description: "A condition of the request does not hold" },
    500: { description: "The stored bytes do not match the key" },
    503: { description: "The database is not available" },
  },
};

/** PUT /api/v1/metadata/{hash} */
export const putMetadataDetail = {
  operationId: "putMetadata",
  tags: ["Metadata"],
  summary: "Upload a blob under its hash",
  description:
    "Stores the body, as it is, if it hashes to the key. Repeat one that failed. With " +
    "`If-None-Match: *` only if it is not here.",
  parameters: [
    fullHashParameter,
    header("If-None-Match", "`*`: only if it is not here", "*"),
    header("If-Match", "`*`: only if it is here", "*"),
    ...digestParameters,
  ],
  requestBody: { required: true, content: blobContent },
  responses: {
    200: receipt("There already"),
    201: receipt("Stored"),
    400: problem(
      "`invalid_key_length`, `invalid_key_digit`: not a whole hash; `partial_upload`: " +
        `Content-Range; \`truncated_body\`; ${digestCodes}.`,
    ),
    408: late,
    412: precondition,
    413: tooLarge,
    415: problem("`unsupported_content_encoding`: any Content-Encoding."),
    422: problem("`hash_mismatch`: the body hashes to something else; both are named."),
    500: failed,
    503: unavailable(`${databaseIsOut}, \`upload_expired\``),
    507: full,
  },
};
