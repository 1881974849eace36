import { isRetryable, type ErrorCode } from "../../domain/errors.ts";
import { limits } from "../../domain/limits.ts";
import { statusOf, titleOf } from "../problem.ts";
import { readable, responseHeaders } from "./fields.ts";

/** What every code means; docs/api.md tells the same. */
export const meaningOf: Readonly<Record<ErrorCode, string>> = {
  invalid_key_length: "a key has 64 hexadecimal digits, or, but for PUT, the first 32",
  invalid_key_digit: "a key holds hexadecimal digits only",
  not_found: "no blob has this key here",
  route_not_found: "there is nothing at this path",
  method_not_allowed: "this path does not take the method; `Allow` names those it takes",
  invalid_host: "the request does not name exactly one host",
  invalid_label: "the first label of the host name is no key",
  origin_not_allowed: "pages of this origin may not upload here",
  token_required: "only those may do this who send a token, and the request has none",
  token_invalid: "the registry does not know the token of the request",
  token_expired: "the token of the request has expired",
  rate_limited: "the client asks for more than the operator allows one in a time",
  taken_down: "the operator has taken the key down: it is neither given out nor taken",
  precondition_failed: "a condition of the request does not hold",
  range_not_satisfiable: "the range begins beyond the end of the blob",
  unsupported_media_type: "the `Content-Type` is not the one that this operation takes",
  unsupported_content_encoding: "the body has a `Content-Encoding`; none is taken",
  missing_boundary: "the `Content-Type` of the form names no boundary",
  invalid_boundary: "the boundary is not one of RFC 2046",
  no_parts: "the form holds no part",
  missing_data_part: "no part of the form is named `data`",
  truncated_body: "the body ended before it was whole",
  bare_line_feed: "a line of the form ends with LF alone",
  invalid_part_header: "a header of a part cannot be read",
  nul_in_part_name: "the headers of a part hold a NUL",
  data_after_end: "the form goes on after its closing delimiter",
  too_many_parts: `the form has more than ${limits.partsMax} parts`,
  part_headers_too_large: "the headers of a part are too large",
  other_parts_too_large: "the form holds too much besides the `data` part",
  blob_too_large: "the blob is larger than this registry takes; `detail` says how large it may be",
  request_timeout: "the body did not arrive in time",
  hash_mismatch: "the body does not hash to the key; `detail` names both",
  partial_upload: "PUT with `Content-Range`: a blob is put whole",
  invalid_digest: "`Content-Digest` or `Repr-Digest` cannot be read",
  digest_mismatch: "the body does not have the announced digest",
  invalid_key_list: "the body is not JSON with a list of keys",
  too_many_keys: `the list has more than ${limits.keyListMax} keys`,
  body_too_large: "the list of keys has too many bytes",
  corrupt_blob: "the stored bytes do not match the key, and are not given out",
  database_unavailable: "the database is out, or cannot be reached",
  database_timeout: "the database did not answer in time",
  overloaded: "too many requests wait for the database",
  storage_full: "the disk of the database is full",
  quota_exceeded: "the registry holds as much as its operator lets it",
  read_only: "the operator lets this registry read only; another one may take uploads",
  upload_expired: "a large upload took too long, or its blob was removed meanwhile",
  starting: "the registry is starting",
  internal_error: "the registry failed; its operator finds the cause in the log",
};

/** A response of an operation. */
export interface Refusal {
  readonly description: string;
  readonly headers: ReturnType<typeof responseHeaders>;
  readonly content?: Readonly<Record<string, object>>;
}

/** The `detail` of answers, by code. */
export type Details = Readonly<Partial<Record<ErrorCode, string>>>;

/**
 * What an operation answers that refuses with these codes, by status. Each tells its codes, and
 * shows the first as an example, with the `detail` that clients get.
 */
export function refusals(
  codes: readonly ErrorCode[],
  details: Details = {},
): Readonly<Record<number, Refusal>> {
  const found: Record<number, Refusal> = {};
  for (const [status, [first, ...others]] of byStatus(codes)) {
    found[status] = {
      description: descriptionOf([first, ...others]),
      headers: refusalHeaders(first),
      content: {
        "application/problem+json": {
          schema: { $ref: "#/components/schemas/Problem" },
          example: {
            type: `urn:mycelium-registry:${first}`,
            title: titleOf[status],
            status,
            code: first,
            detail: details[first] ?? commonDetails[first],
          },
        },
      },
    };
  }
  return found;
}

/** The same for HEAD: its answers have no body. */
export function bodilessRefusals(codes: readonly ErrorCode[]): Readonly<Record<number, Refusal>> {
  return Object.fromEntries(
    Object.entries(refusals(codes)).map(([status, { description, headers }]) => [
      status,
      { description, headers },
    ]),
  );
}

// --- internal ---

type Codes = readonly [ErrorCode, ...ErrorCode[]];

/** Of the codes that come first in some operation; a test compares with what clients get. */
const commonDetails: Details = {
  origin_not_allowed:
    "Pages of this origin may not upload here; the operator allows it with --upload-origin (or, " +
    "for the registry's own page behind a proxy, lets the proxy pass Host on).",
  token_required:
    "Uploading here takes a token: send Authorization: Bearer TOKEN. The operator of this " +
    "registry gives them out.",
  rate_limited:
    "These are more uploads than the operator of this registry allows one client; go on after " +
    "the seconds that Retry-After tells.",
  invalid_key_length: "A key has 64 hexadecimal digits, or the first 32 of them; this one has 5.",
  not_found: "No blob has this key here.",
  taken_down:
    "The operator of this registry has taken this key down: it is neither given out nor taken.",
  request_timeout: "The body did not arrive in time; nothing was stored. Send it again.",
  blob_too_large: "A blob may have at most 67108864 bytes here; the request announces 104857600.",
  unsupported_content_encoding:
    "Send the body as it is, without Content-Encoding: hashes and ciphertext do not compress.",
  internal_error: "The registry failed at this request; tell its operator.",
  database_unavailable: "The database refuses connections at the moment; try again later.",
  storage_full: "The database's disk is full; nothing was stored.",
};

function byStatus(codes: readonly ErrorCode[]): Map<number, Codes> {
  const found = new Map<number, Codes>();
  for (const code of codes) {
    const status = statusOf[code];
    const others = found.get(status);
    found.set(status, others === undefined ? [code] : [...others, code]);
  }
  return found;
}

function descriptionOf(codes: Codes): string {
  const told = codes.map((code) => `\`${code}\`: ${meaningOf[code]}`);
  return told.length === 1 ? told.join() : told.map((line) => `- ${line}`).join("\n");
}

function refusalHeaders(code: ErrorCode): ReturnType<typeof responseHeaders> {
  if (code === "rate_limited")
    return responseHeaders("CacheNever", "RetryAfter", "RateLimitPolicy", "RateLimit", ...readable);
  if (isRetryable(code)) return responseHeaders("CacheNever", "RetryAfter", ...readable);
  if (statusOf[code] === 401) return responseHeaders("CacheNever", "Challenge", ...readable);
  if (code === "range_not_satisfiable")
    return responseHeaders("CacheNever", "UnsatisfiedRange", ...readable);
  return responseHeaders("CacheNever", ...readable);
}
