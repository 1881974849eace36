import { readableFields } from "./origins.ts";
import { isRetryable, RegistryError, type ErrorCode } from "../domain/errors.ts";

/** The status of every error code (RFC 9110 section 15): the only table of its kind. */
export const statusOf = {
  invalid_key_length: 400,
  invalid_key_digit: 400,
  not_found: 404,
  route_not_found: 404,
  method_not_allowed: 405,
  invalid_host: 400,
  invalid_label: 400,
  origin_not_allowed: 403,
  token_required: 401,
  token_invalid: 401,
  token_expired: 401,
  rate_limited: 429,
  taken_down: 451,
  precondition_failed: 412,
  range_not_satisfiable: 416,
  unsupported_media_type: 415,
  unsupported_content_encoding: 415,
  missing_boundary: 400,
  invalid_boundary: 400,
  no_parts: 400,
  missing_data_part: 400,
  truncated_body: 400,
  bare_line_feed: 400,
  invalid_part_header: 400,
  nul_in_part_name: 400,
  data_after_end: 400,
  too_many_parts: 400,
  part_headers_too_large: 400,
  other_parts_too_large: 400,
  blob_too_large: 413,
  request_timeout: 408,
  hash_mismatch: 422,
  partial_upload: 400,
  invalid_digest: 400,
  digest_mismatch: 400,
  invalid_key_list: 400,
  too_many_keys: 400,
  body_too_large: 413,
  corrupt_blob: 500,
  database_unavailable: 503,
  database_timeout: 503,
  overloaded: 503,
  storage_full: 507,
  quota_exceeded: 507,
  read_only: 503,
  upload_expired: 503,
  starting: 503,
  internal_error: 500,
} as const satisfies Record<ErrorCode, number>;

/** Seconds after which a client may try again, in `Retry-After`, where nobody knows better. */
const retryAfterSeconds = 1;

/** What the registry calls a status, as RFC 9110 does. */
export const titleOf: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  451: "Unavailable For Legal Reasons",
  500: "Internal Server Error",
  503: "Service Unavailable",
  507: "Insufficient Storage",
};

/** Header fields of an answer. */
export type Fields = Readonly<Record<string, string>>;

/**
 * A problem document (RFC 9457). `code` names the cause and is part of the API; `detail` says what
 * to do.
 */
export function toProblem(error: RegistryError, fields: Fields = {}): Response {
  const status = statusOf[error.code];
  const body = {
    type: `urn:mycelium-registry:${error.code}`,
    title: titleOf[status],
    status,
    code: error.code,
    detail: error.message,
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
      ...readableFields,
      ...(isRetryable(error.code) ? { "Retry-After": String(retryAfterSeconds) } : {}),
      ...challengeFields(error.code),
      ...fields,
    },
  });
}

/** Whatever was thrown, as a RegistryError; a stranger's text never leaves the house. */
export function toRegistryError(thrown: unknown): RegistryError {
  if (thrown instanceof RegistryError) return thrown;
  return new RegistryError(
    "internal_error",
    "The registry failed at this request; tell its operator.",
    { cause: thrown },
  );
}

// --- internal ---

const realm = 'Bearer realm="mycelium-cdn-registry"';

/** Asks for a token, and says what was wrong with one that came (RFC 6750 section 3). */
const challenges: Readonly<Partial<Record<ErrorCode, string>>> = {
  token_required: realm,
  token_invalid: `${realm}, error="invalid_token", error_description="The token is not known"`,
  token_expired: `${realm}, error="invalid_token", error_description="The token has expired"`,
};

function challengeFields(code: ErrorCode): Fields {
  const challenge = challenges[code];
  return challenge === undefined ? {} : { "WWW-Authenticate": challenge };
}
