import { parseBlobKey, type BlobKey } from "../../domain/blob-key.ts";
import { toHex, type Bytes } from "../../domain/bytes.ts";
import type { BlobReader, BlobStat, ByteRange, StoredBlob } from "../../domain/blob-store.ts";
import { countRefusal, type Counters } from "../../domain/counters.ts";
import { databaseTimeout, withDeadline } from "../../domain/deadline.ts";
import { RegistryError } from "../../domain/errors.ts";
import { formatLastModified } from "../../domain/http-date.ts";
import type { Registry } from "../../domain/registry.ts";
import { blobFields, cacheFields, createBlobResponses, validatorsOf } from "../blob-headers.ts";
import { allowsRange, evaluateConditions, hasConditions } from "../conditions.ts";
import { reprDigestOf } from "../digest-fields.ts";
import { bytesHeldBy, type LargeBody } from "../large-body.ts";
import { toProblem } from "../problem.ts";
import type { Sending } from "../sending.ts";
import { contentRangeOf, parseRange, unsatisfiedRangeOf, type AskedRange } from "../ranges.ts";

/** What the download routes need. */
export interface DownloadOptions {
  readonly registry: Registry;
  readonly largeBody: LargeBody;
  readonly sending: Sending;
  readonly counters: Counters;
  /** How long the database work of one download may take until its first byte. */
  readonly workMsMax: number;
}

/** GET and HEAD of a blob, by the digits of its key. */
export interface Download {
  readonly get: (request: Request, hash: string) => Promise<Response>;
  readonly head: (request: Request, hash: string) => Promise<Response>;
}

/**
 * Whether a GET asks for anything else than the whole blob, whatever the client has of it:
 * conditions, a range, a digest.
 */
export function asksForMore(headers: Headers): boolean {
  return hasConditions(headers) || headers.has("range") || headers.has("want-repr-digest");
}

/** GET and HEAD /api/v1/metadata/{hash}: a blob or a part of it, and what GET would say of it. */
export function createDownload(options: DownloadOptions): Download {
  const { registry, largeBody, sending, counters, workMsMax } = options;
  const toResponse = createBlobResponses();

  async function get(request: Request, hash: string): Promise<Response> {
    const startedMs = performance.now();
    const key = parseBlobKey(hash);
    if (asksForMore(request.headers)) return await inTime(selected(request, key), startedMs);
    const blob = found(await registry.get(key));
    if (blob.data !== null && sending.tryCharge(request, blob.bytesTotal)) {
      return small(blob, blob.data);
    }
    return await inTime(whole(blob, request), startedMs);
  }

  /**
   * One call of the store has a deadline; an answer that takes several has the same for all of
   * them together. An answer that nobody waits for any more is given back.
   */
  function inTime(answering: Promise<Response>, startedMs: number): Promise<Response> {
    return withDeadline(answering, workMsMax - (performance.now() - startedMs), () => {
      answering.then(({ body }) => body?.cancel()).catch(() => {});
      return databaseTimeout(workMsMax);
    });
  }

  /** What the conditions, the range and the digest that a request asks for leave of a blob. */
  async function selected(request: Request, key: BlobKey): Promise<Response> {
    const { headers } = request;
    if (hasConditions(headers)) {
      // Without the bytes, which most of these need not have.
      const notModified = answerConditions(request, found(await registry.stat(key)));
      if (notModified !== null) return notModified;
    }
    const blob = found(await registry.get(key));
    const range = rangeOf(headers, blob);
    if (range === "unsatisfiable") {
      countRefusal(counters, "range_not_satisfiable");
      return unsatisfiable(blob);
    }
    const response = await (range === null ? whole(blob, request) : part(blob, range, request));
    return withDigest(response, headers.get("want-repr-digest"), blob.data);
  }

  async function whole(blob: StoredBlob, request: Request): Promise<Response> {
    const { hash, bytesTotal, data } = blob;
    return await sending.charged(request, bytesHeldBy(bytesTotal), async () => {
      if (data !== null) return small(blob, data);
      const pieces = piecesOf(found(await registry.openRead(hash)));
      const content = { hash, bytesTotal, pieces, request };
      return await largeBody.answer(content, { headers: blobFields(blob) });
    });
  }

  function small({ hash, createdAtMs }: StoredBlob, data: Bytes): Response {
    counters.bytesSent += data.length;
    const lastModified = createdAtMs === null ? null : formatLastModified(createdAtMs);
    return toResponse({ data, digits: toHex(hash), createdAtMs, lastModified });
  }

  async function part(blob: StoredBlob, range: ByteRange, request: Request): Promise<Response> {
    const { hash, data } = blob;
    const bytesTotal = range.last + 1 - range.first;
    const contentRange = contentRangeOf(range, blob.bytesTotal);
    const init = { status: 206, headers: { ...blobFields(blob), "Content-Range": contentRange } };
    return await sending.charged(request, bytesHeldBy(bytesTotal), async () => {
      if (data !== null) {
        counters.bytesSent += bytesTotal;
        return new Response(data.subarray(range.first, range.last + 1), init);
      }
      const pieces = piecesOf(found(await registry.openRead(hash, range)), range);
      return await largeBody.answer({ hash, bytesTotal, pieces, request }, init);
    });
  }

  async function head(request: Request, hash: string): Promise<Response> {
    const stat = found(await registry.stat(parseBlobKey(hash)));
    const headers = { ...blobFields(stat), "Content-Length": String(stat.bytesTotal) };
    return answerConditions(request, stat) ?? new Response(null, { headers });
  }

  return { get, head };
}

// --- internal ---

function found<T extends BlobStat>(blob: T | null): T {
  if (blob !== null) return blob;
  throw new RegistryError("not_found", "No blob has this key here.");
}

/** 304, or null where the request goes on. @throws RegistryError `precondition_failed` */
function answerConditions(request: Request, stat: BlobStat): Response | null {
  const verdict = evaluateConditions(request, validatorsOf(stat));
  if (verdict === "proceed") return null;
  if (verdict === "not-modified") {
    return new Response(null, { status: 304, headers: cacheFields(stat) });
  }
  throw new RegistryError(
    "precondition_failed",
    "The blob is not what If-Match or If-Unmodified-Since names; leave the condition out.",
  );
}

function rangeOf(headers: Headers, blob: StoredBlob): AskedRange {
  const range = headers.get("range");
  if (range === null || !allowsRange(headers.get("if-range"), validatorsOf(blob))) return null;
  return parseRange(range, blob.bytesTotal);
}

function unsatisfiable({ bytesTotal }: StoredBlob): Response {
  const error = new RegistryError(
    "range_not_satisfiable",
    `The blob has ${bytesTotal} bytes; ask for a range that begins within them.`,
  );
  return toProblem(error, { "Content-Range": unsatisfiedRangeOf(bytesTotal) });
}

/** With the digest of all of the blob that was asked for, where its bytes are at hand. */
function withDigest(response: Response, wanted: string | null, data: Bytes | null): Response {
  const digest = wanted === null || data === null ? null : reprDigestOf(wanted, data);
  if (digest !== null) response.headers.set("Repr-Digest", digest);
  return response;
}

/** The bytes of a reader's segments, those outside of `range` cut off. */
async function* piecesOf(reader: BlobReader, range?: ByteRange): AsyncGenerator<Bytes> {
  let at = reader.offset;
  for await (const { data } of reader.segments) {
    const from = Math.max(0, (range?.first ?? 0) - at);
    const to = Math.min(data.length, (range?.last ?? Infinity) + 1 - at);
    at += data.length;
    yield from === 0 && to === data.length ? data : data.subarray(from, to);
  }
}
