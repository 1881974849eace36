import { limits } from "../../domain/limits.ts";
import { exampleBlob, unknownKeyExample } from "./examples.ts";

/** The schemas of the OpenAPI document (3.0.3). */

/** Both forms of a key. */
export const keyPattern = "^([0-9a-fA-F]{64}|[0-9a-fA-F]{32})$";

/** All digits of a hash. */
export const hashPattern = "^[0-9a-fA-F]{64}$";

/** The raw bytes of a blob. */
export const blobSchema = { type: "string" as const, format: "binary" };

export const schemas = {
  /** An answer of 4xx or 5xx (RFC 9457). */
  Problem: {
    type: "object" as const,
    required: ["type", "title", "status", "code", "detail"],
    properties: {
      type: { type: "string" as const, description: "`urn:mycelium-registry:` and the code" },
      title: { type: "string" as const, description: "The status in words" },
      status: { type: "integer" as const, description: "The status" },
      code: {
        type: "string" as const,
        description:
          "The cause, for programs: part of the API. New ones may come; take one that you do not " +
          "know by its status.",
      },
      detail: {
        type: "string" as const,
        description: "What to do, for people; the text may change",
      },
    },
  },

  /** The answer to an upload. */
  Receipt: {
    type: "object" as const,
    required: ["hash", "size", "created"],
    properties: {
      hash: {
        type: "string" as const,
        pattern: "^[0-9a-f]{64}$",
        description: "The BLAKE3 hash of the blob: 64 hexadecimal digits in lower case",
      },
      size: { type: "integer" as const, description: "Bytes of the blob" },
      created: {
        type: "boolean" as const,
        description: "Whether this upload stored it; else it was there already",
      },
      url: {
        type: "string" as const,
        description: "The blob by its name, where the registry has a --cdn-domain",
      },
    },
    example: { hash: exampleBlob.hash, size: exampleBlob.bytesTotal, created: true },
  },

  /** A question about many blobs. */
  KeyList: {
    type: "object" as const,
    required: ["hashes"],
    properties: {
      hashes: {
        type: "array" as const,
        maxItems: limits.keyListMax,
        items: { type: "string" as const, pattern: keyPattern },
        description: "Keys of 64 or 32 hexadecimal digits, in any case",
      },
    },
    example: { hashes: [exampleBlob.hash, unknownKeyExample] },
  },

  /** The answer to it. */
  Missing: {
    type: "object" as const,
    required: ["missing"],
    properties: {
      missing: {
        type: "array" as const,
        items: { type: "string" as const },
        description: "The keys that name no blob here, as they were sent, in their order",
      },
    },
    example: { missing: [unknownKeyExample] },
  },

  /** The answer of /healthz. */
  Health: {
    type: "object" as const,
    required: ["status"],
    properties: { status: { type: "string" as const, enum: ["ok"] } },
  },

  /** The answer of /readyz. */
  Readiness: {
    type: "object" as const,
    required: ["status", "checks"],
    properties: {
      status: { type: "string" as const, enum: ["ok", "unavailable"] },
      checks: {
        type: "object" as const,
        description: "What the registry needs, by name",
        additionalProperties: {
          type: "object" as const,
          required: ["status", "detail", "age_ms"],
          properties: {
            status: {
              type: "string" as const,
              enum: ["ok", "degraded", "unavailable"],
              description: "degraded: a part is out, which the detail names; the rest works",
            },
            detail: { type: "string" as const },
            age_ms: { type: "integer" as const, description: "How long ago it was looked at" },
          },
        },
      },
    },
    example: {
      status: "ok",
      checks: { database: { status: "ok", detail: "answers", age_ms: 0 } },
    },
  },
};
