import { randomBytes } from "node:crypto";
import { toHex, type Bytes } from "../../../src/domain/bytes.ts";
import { hashing } from "../../support/blobs.ts";
import { concatBytes, uploaderBody, utf8 } from "../../support/form.ts";
import { blobSizes, get, head, post, type Ask, type BlobName } from "./conformance-row.ts";
import { exchange, type Answer } from "./conformance-wire.ts";

/** A registry under test, and the blobs that all rows share. */
export interface Target {
  readonly port: number;
  readonly large: KnownBlob;
  readonly empty: KnownBlob;
}

/** A blob, and when the registry says that it was stored; null before. */
export interface KnownBlob {
  readonly data: Bytes;
  readonly digits: string;
  readonly modifiedMs: number | null;
}

/** What the words of a row stand for. */
export interface Subject {
  readonly port: number;
  blob(name: BlobName): KnownBlob;
  /** The text with its words replaced. @throws Error for a word that there is not */
  fill(text: string): string;
}

/** Stores what all rows share. `--max-blob-size` must be that of `largest`. */
export async function createTarget(port: number): Promise<Target> {
  return {
    port,
    large: await stored(port, "large"),
    empty: await stored(port, "empty"),
  };
}

/** Blobs of a row's own; of its small one no byte has been read since it was stored. */
export async function createSubject({ port, large, empty }: Target): Promise<Subject> {
  return subjectOf(port, { large, empty, small: await stored(port, "small") });
}

/** Sends a request about a subject. @throws Error when what comes is no answer */
export async function send(ask: Ask, subject: Subject): Promise<Answer> {
  return await exchange(subject.port, requestOf(ask, subject));
}

/** Has all of the small blob read, so that it may be cached. */
export async function warm(subject: Subject): Promise<void> {
  await send(get("/api/v1/metadata/{small}"), subject);
}

/** A subject of these blobs; others are made up when they are first spoken of. */
export function subjectOf(
  port: number,
  known: Readonly<Partial<Record<BlobName, KnownBlob>>>,
): Subject {
  const blobs = new Map<string, KnownBlob>(Object.entries(known));
  const unknown = { ...blobOf(new Uint8Array(0)), digits: toHex(new Uint8Array(randomBytes(32))) };

  function blob(name: BlobName): KnownBlob {
    const found = blobs.get(name) ?? blobOf(new Uint8Array(randomBytes(blobSizes[name])));
    blobs.set(name, found);
    return found;
  }

  function valueOf(word: string): string {
    const [name = "", aspect = "digits"] = word.split(":");
    const read = aspects[aspect];
    if (read === undefined) throw new Error(`there is no word {${word}}`);
    if (name === "unknown") return read(unknown);
    if (!(name in blobSizes)) throw new Error(`there is no word {${word}}`);
    return read(blob(name as BlobName));
  }

  return {
    port,
    blob,
    fill: (text) => text.replaceAll(/\{([a-z][\w:-]*)\}/g, (_, word: string) => valueOf(word)),
  };
}

/** A blob that has not been stored. */
export function blobOf(data: Bytes): KnownBlob {
  return { data, digits: toHex(hashing.hash(data)), modifiedMs: null };
}

// --- internal ---

const aspects: Readonly<Record<string, (blob: KnownBlob) => string>> = {
  digits: ({ digits }) => digits,
  32: ({ digits }) => digits.slice(0, 32),
  63: ({ digits }) => digits.slice(0, 63),
  upper: ({ digits }) => digits.toUpperCase(),
  /** Its first digit percent-encoded. */
  encoded: ({ digits }) => `%${digits.charCodeAt(0).toString(16)}${digits.slice(1)}`,
  size: ({ data }) => String(data.length),
  last: ({ data }) => String(data.length - 1),
  "sha-256": ({ data }) => sha("sha256", data),
  "sha-512": ({ data }) => sha("sha512", data),
  "form-sha-256": ({ data }) => sha("sha256", uploaderBody(data).body),
  modified: (blob) => dateOf(blob, 0).toUTCString(),
  before: (blob) => dateOf(blob, -1).toUTCString(),
  after: (blob) => dateOf(blob, 1).toUTCString(),
  rfc850: (blob) => rfc850Of(dateOf(blob, 0)),
  asctime: (blob) => asctimeOf(dateOf(blob, 0)),
};

function sha(algorithm: "sha256" | "sha512", data: Bytes): string {
  return new Bun.CryptoHasher(algorithm).update(data).digest("base64");
}

function dateOf({ modifiedMs }: KnownBlob, plusSeconds: number): Date {
  if (modifiedMs === null) throw new Error("what is not stored has no date");
  return new Date(modifiedMs + plusSeconds * 1000);
}

const days = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");

/** `Sunday, 06-Nov-94 08:49:37 GMT` */
function rfc850Of(date: Date): string {
  const [, day = "", month, year = "", time] = date.toUTCString().split(" ");
  return `${days[date.getUTCDay()]}, ${day}-${month}-${year.slice(2)} ${time} GMT`;
}

/** `Sun Nov  6 08:49:37 1994` */
function asctimeOf(date: Date): string {
  const [weekday = "", day = "", month, year, time] = date.toUTCString().split(" ");
  return `${weekday.slice(0, 3)} ${month} ${day.replace(/^0/, " ")} ${time} ${year}`;
}

/**
 * Uploads a new blob and asks when it was stored, which reads none of its bytes.
 * @throws Error when it is not as it must be
 */
async function stored(port: number, name: BlobName): Promise<KnownBlob> {
  const subject = subjectOf(port, {});
  const blob = subject.blob(name);
  const startedMs = Date.now();
  const { status } = await send(post(name), subject);
  if (status !== 200) throw new Error(`POST: ${status}`);
  const { fields } = await send(head(`/api/v1/metadata/${blob.digits}`), subject);
  const modified = fields.find(([field]) => field === "last-modified")?.[1] ?? "";
  const modifiedMs = Date.parse(modified);
  // By the clock of the same machine, in whole seconds.
  if (!(modifiedMs > startedMs - 1000 && modifiedMs <= Date.now())) {
    throw new Error(`stored at ${startedMs}, but Last-Modified is ${modified}`);
  }
  return { ...blob, modifiedMs };
}

function requestOf({ method, target, fields, content, isChunked }: Ask, subject: Subject): Bytes {
  const { body, contentType } = contentOf(content, subject);
  const all = { Host: "registry.test", ...contentType, ...fields, Connection: "close" };
  const lines = [`${method} ${subject.fill(target)} HTTP/1.1`];
  for (const [name, value] of Object.entries(all)) {
    for (const each of [value].flat()) lines.push(`${name}: ${subject.fill(each)}`);
  }
  if (isChunked === true) lines.push("Transfer-Encoding: chunked");
  else if (content !== undefined) lines.push(`Content-Length: ${body.length}`);
  const headers = new Uint8Array(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"));
  return concatBytes(headers, isChunked === true ? chunked(body) : body);
}

function contentOf(
  content: Ask["content"],
  subject: Subject,
): { readonly body: Bytes; readonly contentType?: Readonly<Record<string, string>> } {
  if (content === undefined) return { body: new Uint8Array(0) };
  if ("text" in content) return { body: utf8(subject.fill(content.text)) };
  if ("blob" in content) return { body: subject.blob(content.blob).data };
  const { body, contentType } = uploaderBody(subject.blob(content.form).data);
  return { body, contentType: { "Content-Type": contentType } };
}

/** In two chunks, the last one apart. */
function chunked(body: Bytes): Bytes {
  const middle = Math.floor(body.length / 2);
  const pieces = [body.subarray(0, middle), body.subarray(middle)].filter(
    ({ length }) => length > 0,
  );
  const chunks = pieces.map((piece) =>
    concatBytes(`${piece.length.toString(16)}\r\n`, piece, "\r\n"),
  );
  return concatBytes(...chunks, "0\r\n\r\n");
}
