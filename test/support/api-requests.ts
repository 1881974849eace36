import type { Bytes } from "../../src/domain/bytes.ts";
import { toHex } from "../../src/domain/bytes.ts";
import type { ErrorCode } from "../../src/domain/errors.ts";
import { limits } from "../../src/domain/limits.ts";
import { exampleBlob } from "../../src/http/documents/examples.ts";
import type { Operation } from "./api-document.ts";
import { hashing } from "./blobs.ts";
import { concatBytes, uploaderBody, utf8 } from "./form.ts";
import { hostileForms } from "./hostile-forms.ts";
import { rawRequest, type RawResponse } from "./raw-http.ts";

/** A request to an operation of the API, and what must come of it. */
export interface ApiRequest {
  readonly operation: string;
  /** The status of a success, or the code of a refusal. */
  readonly outcome: number | ErrorCode;
  /** What stands for `{hash}`; the example blob's hash when left out. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Bytes;
  /** Announces a body of so many bytes, and sends none of it. */
  readonly announcedBytes?: number;
}

const deniedBlob = utf8("what has been taken down");

/** The key of a blob that the registry has to deny. */
export const deniedHash = hashing.hash(deniedBlob);

const deniedKey = toHex(deniedHash);
const unknownKey = "0123456789abcdef".repeat(4);
const blob = utf8(exampleBlob.text);
const form = uploaderBody(blob);
const formHeaders = { "Content-Type": form.contentType };
const jsonHeaders = { "Content-Type": "application/json" };
const otherDigest = `sha-256=:${"A".repeat(43)}=:`;
const entityTag = `"${exampleBlob.hash}"`;

/**
 * Every outcome of every operation that a client can bring about, in an order in which they come
 * about: the first request stores the example blob.
 */
export const apiRequests: readonly ApiRequest[] = [
  ...puts(),
  ...posts(),
  ...questions(),
  ...downloads(),
  ...heads(),
  { operation: "health", outcome: 200 },
  { operation: "live", outcome: 200 },
  { operation: "ready", outcome: 200 },
];

export const expiredToken = "a-token-of-another-year";

/** The same of a registry that wants a token for uploads, and knows only one, which has expired. */
export const tokenRequests: readonly ApiRequest[] = [
  "saveMetadata",
  "putMetadata",
  "findMissing",
].flatMap((operation): ApiRequest[] => [
  { operation, outcome: "token_required" },
  { operation, outcome: "token_required", headers: { Authorization: "Basic dTpw" } },
  { operation, outcome: "token_invalid", headers: { Authorization: "Bearer unheard-of" } },
  { operation, outcome: "token_expired", headers: { Authorization: `Bearer ${expiredToken}` } },
]);

/** Of a registry that lets each client upload once an hour, and read once. */
export const limitRequests: readonly ApiRequest[] = [
  { operation: "putMetadata", outcome: 201, body: blob },
  { operation: "putMetadata", outcome: "rate_limited", body: blob },
  { operation: "saveMetadata", outcome: "rate_limited", headers: formHeaders, body: form.body },
  { operation: "findMissing", outcome: "rate_limited", headers: jsonHeaders, body: utf8("{}") },
  { operation: "loadMetadata", outcome: 200 },
  { operation: "loadMetadata", outcome: "rate_limited" },
  { operation: "headMetadata", outcome: "rate_limited" },
];

/** Sends one on a connection of its own. */
export async function sendApiRequest(
  port: number,
  { method, path }: Pick<Operation, "method" | "path">,
  request: ApiRequest,
): Promise<RawResponse> {
  const { key = exampleBlob.hash, headers = {}, body = utf8(""), announcedBytes } = request;
  const fields = {
    Host: "registry.test",
    Connection: "close",
    ...(method === "GET" || method === "HEAD"
      ? {}
      : { "Content-Length": String(announcedBytes ?? body.length) }),
    ...headers,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${method} ${path.replace("{hash}", key)} HTTP/1.1\r\n${lines.join("")}\r\n`;
  return await rawRequest(port, concatBytes(head, body));
}

// --- internal ---

function puts(): ApiRequest[] {
  const operation = "putMetadata";
  const common = { operation, body: blob };
  return [
    { ...common, outcome: 201, headers: { "Content-Digest": exampleBlob.sha256 } },
    { ...common, outcome: 200 },
    { ...common, outcome: "invalid_key_length", key: "hello" },
    { ...common, outcome: "invalid_key_digit", key: "x".repeat(64) },
    { ...common, outcome: "partial_upload", headers: { "Content-Range": "bytes 0-14/15" } },
    { ...common, outcome: "invalid_digest", headers: { "Content-Digest": "sha-256=hello" } },
    { ...common, outcome: "digest_mismatch", headers: { "Repr-Digest": otherDigest } },
    { ...common, outcome: "precondition_failed", headers: { "If-None-Match": "*" } },
    { ...common, outcome: "origin_not_allowed", headers: { Origin: "https://other.test" } },
    { ...common, outcome: "unsupported_content_encoding", headers: { "Content-Encoding": "gzip" } },
    { operation, outcome: "taken_down", key: deniedKey, body: deniedBlob },
    { operation, outcome: "hash_mismatch", body: utf8("") },
    { operation, outcome: "blob_too_large", announcedBytes: 100 * 1024 ** 2 },
  ];
}

function posts(): ApiRequest[] {
  const operation = "saveMetadata";
  const common = { operation, headers: formHeaders, body: form.body };
  const { body, contentType } = uploaderBody(deniedBlob);
  const takenDownForm = { headers: { "Content-Type": contentType }, body };
  const hostile = new Map(hostileForms.map((hostileForm) => [hostileForm.code, hostileForm]));
  return [
    { ...common, outcome: 200 },
    ...[...hostile.values()].map((hostileForm) => ({
      operation,
      outcome: hostileForm.code,
      headers: { "Content-Type": hostileForm.contentType ?? "" },
      body: hostileForm.body,
    })),
    {
      ...common,
      outcome: "unsupported_content_encoding",
      headers: { ...formHeaders, "Content-Encoding": "gzip" },
    },
    {
      ...common,
      outcome: "invalid_digest",
      headers: { ...formHeaders, "Repr-Digest": "sha-256=hello" },
    },
    {
      ...common,
      outcome: "digest_mismatch",
      headers: { ...formHeaders, "Content-Digest": exampleBlob.sha256 },
    },
    {
      ...common,
      outcome: "origin_not_allowed",
      headers: { ...formHeaders, Origin: "https://other.test" },
    },
    { ...takenDownForm, operation, outcome: "taken_down" },
    {
      operation,
      outcome: "blob_too_large",
      headers: formHeaders,
      announcedBytes: 100 * 1024 ** 2,
    },
  ];
}

function questions(): ApiRequest[] {
  const ask = (outcome: ApiRequest["outcome"], body: unknown): ApiRequest => ({
    operation: "findMissing",
    outcome,
    headers: jsonHeaders,
    body: utf8(JSON.stringify(body)),
  });
  return [
    ask(200, { hashes: [exampleBlob.hash, unknownKey, unknownKey.slice(0, 32).toUpperCase()] }),
    ask(200, { hashes: [] }),
    ask("invalid_key_list", exampleBlob.hash),
    ask("too_many_keys", { hashes: Array(limits.keyListMax + 1).fill(unknownKey) }),
    ask("invalid_key_length", { hashes: ["hello"] }),
    ask("invalid_key_digit", { hashes: ["x".repeat(32)] }),
    ask("body_too_large", { hashes: ["x".repeat(limits.keyListBytesMax)] }),
    { ...ask("unsupported_media_type", {}), headers: { "Content-Type": "text/plain" } },
    {
      ...ask("unsupported_content_encoding", {}),
      headers: { ...jsonHeaders, "Content-Encoding": "gzip" },
    },
  ];
}

function downloads(): ApiRequest[] {
  const get = (
    outcome: ApiRequest["outcome"],
    headers: ApiRequest["headers"] = {},
    key: string = exampleBlob.hash,
  ): ApiRequest => ({ operation: "loadMetadata", outcome, headers, key });
  return [
    get(200),
    get(200, {}, exampleBlob.hash.slice(0, 32).toUpperCase()),
    get(200, { "Want-Repr-Digest": "sha-256=1" }),
    get(206, { Range: "bytes=0-4" }),
    get(206, { Range: "bytes=0-4", "If-Range": entityTag, "Want-Repr-Digest": "sha-256=1" }),
    get(304, { "If-None-Match": entityTag }),
    get("invalid_key_length", {}, "hello"),
    get("invalid_key_digit", {}, "x".repeat(64)),
    get("not_found", {}, unknownKey),
    get("taken_down", {}, deniedKey.slice(0, 32)),
    get("precondition_failed", { "If-Match": '"another"' }),
    get("range_not_satisfiable", { Range: "bytes=20-" }),
  ];
}

function heads(): ApiRequest[] {
  const operation = "headMetadata";
  return [
    { operation, outcome: 200 },
    { operation, outcome: 200, headers: { Range: "bytes=0-4", "Want-Repr-Digest": "sha-256=1" } },
    { operation, outcome: 304, headers: { "If-None-Match": `W/${entityTag}` } },
    { operation, outcome: "invalid_key_length", key: "hello" },
    { operation, outcome: "invalid_key_digit", key: "x".repeat(64) },
    { operation, outcome: "not_found", key: unknownKey },
    { operation, outcome: "taken_down", key: deniedKey },
    { operation, outcome: "precondition_failed", headers: { "If-Match": '"another"' } },
  ];
}
