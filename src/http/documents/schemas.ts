/** The schemas of the OpenAPI document (3.0.3). */

/** All digits of a hash. */
export const hashExample = "69ad1bfe3cb50155a6b95a24748d4398e52896935c328afce9a4a734748fd7f6";

/** Both forms of a key. */
export const keyPattern = "^([0-9a-fA-F]{64}|[0-9a-fA-F]{32})$";

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

/** A question about many blobs. */
export const keyListSchema = {
  type: "object" as const,
  required: ["hashes"],
  properties: {
    hashes: {
      type: "array" as const,
      maxItems: 1000,
      items: { type: "string" as const, pattern: keyPattern },
      description: "Keys of 64 or 32 hexadecimal digits",
      example: [hashExample],
    },
  },
};

/** The answer to it. */
export const missingSchema = {
  type: "object" as const,
  required: ["missing"],
  properties: {
    missing: {
      type: "array" as const,
      items: { type: "string" as const },
      description: "Those of the keys that name no blob here, as they were sent, in their order",
      example: [hashExample],
    },
  },
};
