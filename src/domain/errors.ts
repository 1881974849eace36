/**
 * Every way the registry may refuse or fail, as the API tells it (`code` of a problem document).
 * `http/problem.ts` gives each its status and does not compile while one is missing.
 */
export type ErrorCode =
  // a request that names a blob wrongly
  | "invalid_key_length"
  | "invalid_key_digit"
  | "not_found"
  | "route_not_found"
  | "method_not_allowed"
  | "invalid_host"
  | "invalid_label"
  | "origin_not_allowed"
  | "token_required"
  | "token_invalid"
  | "token_expired"
  | "rate_limited"
  | "taken_down"
  | "precondition_failed"
  | "range_not_satisfiable"
  // an upload that cannot be read
  | "unsupported_media_type"
  | "unsupported_content_encoding"
  | "missing_boundary"
  | "invalid_boundary"
  | "no_parts"
  | "missing_data_part"
  | "truncated_body"
  | "bare_line_feed"
  | "invalid_part_header"
  | "nul_in_part_name"
  | "data_after_end"
  | "too_many_parts"
  | "part_headers_too_large"
  | "other_parts_too_large"
  | "blob_too_large"
  | "request_timeout"
  | "hash_mismatch"
  | "partial_upload"
  | "invalid_digest"
  | "digest_mismatch"
  // a question about many keys that cannot be read
  | "invalid_key_list"
  | "too_many_keys"
  | "body_too_large"
  // what the registry cannot do now
  | "corrupt_blob"
  | "database_unavailable"
  | "database_timeout"
  | "overloaded"
  | "storage_full"
  | "quota_exceeded"
  | "read_only"
  | "upload_expired"
  | "starting"
  | "internal_error";

/**
 * A refusal or a failure, said once where it is found and turned into an answer at the edge.
 * `message` goes to the client and says what to do; `cause` stays in the house, for the log.
 */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Why the registry cannot start, as one plain line for an operator: cause and remedy. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** The `code` of what a system call or a driver threw, e.g. `EADDRINUSE`; "" when it has none. */
export function codeOf(thrown: unknown): string {
  const { code } = (thrown ?? {}) as { readonly code?: unknown };
  return typeof code === "string" ? code : "";
}

/** Whether what was thrown is a RegistryError with this code. */
export function hasCode(thrown: unknown, code: ErrorCode): thrown is RegistryError {
  return thrown instanceof RegistryError && thrown.code === code;
}

/** What was thrown, in words for an operator: whether to try again is theirs to know. */
export function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown instanceof RegistryError
    ? thrown.message.replace(/(; try again later)?\.$/, "")
    : thrown.message;
}

/** Whether the same request may succeed later, unchanged: such answers carry `Retry-After`. */
export function isRetryable(code: ErrorCode): boolean {
  return (
    code === "rate_limited" ||
    code === "database_unavailable" ||
    code === "database_timeout" ||
    code === "overloaded" ||
    code === "upload_expired" ||
    code === "starting"
  );
}
