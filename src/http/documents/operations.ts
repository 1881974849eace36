/** What the operations say of themselves in the OpenAPI document (3.0.3). */

const hashExample = "69ad1bfe3cb50155a6b95a24748d4398e52896935c328afce9a4a734748fd7f6";

const problem = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
});

const unavailable = (codes: string) => ({
  ...problem(`${codes}: try again after \`Retry-After\`.`),
  headers: { "Retry-After": { schema: { type: "integer" as const }, description: "Seconds" } },
});

const databaseIsOut = "`database_unavailable`, `database_timeout`, `overloaded`, `starting`";

const corrupt = problem("`corrupt_blob`: the stored bytes do not match the key; never served.");

const hashParameter = {
  name: "hash",
  in: "path" as const,
  required: true,
  description:
    "The BLAKE3 hash of the blob: all 64 hexadecimal digits, or the first 32. Any case is taken.",
  schema: { type: "string" as const, pattern: "^([0-9a-fA-F]{64}|[0-9a-fA-F]{32})$" },
  example: hashExample,
};

const text = (description: string, example: string) => ({
  description,
  schema: { type: "string" as const, example },
});

const blobHeaders = {
  ETag: text("The hash, quoted: a strong entity tag", `"${hashExample}"`),
  "Cache-Control": text("Blobs never change", "public, max-age=31536000, immutable"),
  "X-Content-Type-Options": text("Blobs are nobody's document", "nosniff"),
};

const keyRefusal = problem("`invalid_key_length`, `invalid_key_digit`: not a key.");
const unknown = problem("`not_found`: no blob has this key here.");

/** POST /api/v1/metadata */
export const saveMetadataDetail = {
  operationId: "saveMetadata",
  tags: ["Metadata"],
  summary: "Upload a blob",
  description:
    "Stores the bytes of the first part named `data`, exactly as they are; other parts are " +
    "ignored. Answered once the blob is committed. Uploads are idempotent: repeat one that failed.",
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
    200: {
      description: "Stored, or there already",
      headers: {
        Location: text("Where the blob is", `/api/v1/metadata/${hashExample}`),
        ETag: blobHeaders.ETag,
      },
      content: { "application/json": { schema: { $ref: "#/components/schemas/Receipt" } } },
    },
    400: problem(
      "The form cannot be read: `missing_boundary`, `invalid_boundary`, `no_parts`, " +
        "`missing_data_part`, `truncated_body`, `bare_line_feed`, `invalid_part_header`, " +
        "`nul_in_part_name`, `data_after_end`, `too_many_parts`, `part_headers_too_large`, " +
        "`other_parts_too_large`.",
    ),
    408: problem("`request_timeout`: the body did not arrive in time."),
    413: problem("`blob_too_large`: the blob is larger than this registry takes."),
    415: problem(
      "`unsupported_media_type`: not multipart/form-data; `unsupported_content_encoding`: any " +
        "Content-Encoding.",
    ),
    500: problem("`internal_error`: the registry failed."),
    503: unavailable(`${databaseIsOut}, \`upload_expired\``),
    507: problem("`storage_full`: the database's disk is full."),
  },
};

/** GET /api/v1/metadata/{hash} */
export const loadMetadataDetail = {
  operationId: "loadMetadata",
  tags: ["Metadata"],
  summary: "Download a blob",
  description:
    "Gives the bytes that were uploaded. They are hashed again before they leave; when a long " +
    "answer turns out wrong on the way, the connection is reset. Answers of up to 8 MiB carry " +
    "Content-Length, longer ones are chunked.",
  parameters: [hashParameter],
  responses: {
    200: {
      description: "The blob",
      headers: blobHeaders,
      content: {
        "application/octet-stream": { schema: { type: "string" as const, format: "binary" } },
      },
    },
    400: keyRefusal,
    404: unknown,
    500: corrupt,
    503: unavailable(databaseIsOut),
  },
};

/** HEAD /api/v1/metadata/{hash} */
export const headMetadataDetail = {
  operationId: "headMetadata",
  tags: ["Metadata"],
  summary: "Ask for a blob without its bytes",
  description: "The headers of the download, always with Content-Length. Reads no blob data.",
  parameters: [hashParameter],
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
    400: { description: "Not a key" },
    404: { description: "No blob has this key here" },
    500: { description: "The stored bytes do not match the key" },
    503: { description: "The database is not available" },
  },
};

/** GET /healthz */
export const healthDetail = {
  operationId: "health",
  tags: ["Health"],
  summary: "The process serves",
  responses: {
    200: {
      description: "It does",
      content: {
        "application/json": {
          schema: {
            type: "object" as const,
            required: ["status"],
            properties: { status: { type: "string" as const, enum: ["ok"] } },
          },
        },
      },
    },
  },
};

const readiness = (description: string) => ({
  description,
  content: { "application/json": { schema: { $ref: "#/components/schemas/Readiness" } } },
});

/** GET /readyz */
export const readyDetail = {
  operationId: "ready",
  tags: ["Health"],
  summary: "The registry can do its work",
  responses: {
    200: readiness("Send it requests"),
    503: readiness("The database is out, or the registry is starting or stopping"),
  },
};

/** An answer of 4xx or 5xx (RFC 9457). */
export const problemSchema = {
  type: "object" as const,
  required: ["type", "title", "status", "code", "detail"],
  properties: {
    type: { type: "string" as const, example: "urn:mycelium-registry:not_found" },
    title: { type: "string" as const, example: "Not Found" },
    status: { type: "integer" as const, example: 404 },
    code: { type: "string" as const, description: "The cause, for programs", example: "not_found" },
    detail: { type: "string" as const, description: "What to do, for people" },
  },
};

/** The answer to an upload. */
export const receiptSchema = {
  type: "object" as const,
  required: ["hash", "size", "created"],
  properties: {
    hash: { type: "string" as const, description: "64 hexadecimal digits", example: hashExample },
    size: { type: "integer" as const, description: "Bytes", example: 274 },
    created: { type: "boolean" as const, description: "This upload stored it; it was not there" },
  },
};

/** The answer of /readyz. */
export const readinessSchema = {
  type: "object" as const,
  required: ["status", "checks"],
  properties: {
    status: { type: "string" as const, enum: ["ok", "unavailable"] },
    checks: {
      type: "object" as const,
      additionalProperties: {
        type: "object" as const,
        required: ["status", "detail", "age_ms"],
        properties: {
          status: { type: "string" as const, enum: ["ok", "unavailable"] },
          detail: { type: "string" as const },
          age_ms: { type: "integer" as const, description: "How long ago it was looked at" },
        },
      },
    },
  },
};
