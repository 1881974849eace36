import { rawRequest, type RawResponse } from "../../test/support/raw-http.ts";
import { blobOf, type Family, keyOf } from "../load/blobs.ts";
import { downloadRequest, uploadRequest } from "../load/requests.ts";
import { freshNumber, type Server } from "./bench.ts";

/** Header fields by lower-case name. */
export type Fields = Readonly<Record<string, string>>;

/** Fields that differ from blob to blob or from moment to moment. */
const varying = ["date", "content-length", "etag", "last-modified", "location"];

/** Fields that nginx cannot be kept from sending. */
const unavoidable = ["server", "connection"];

/** What a server answers to a GET of a blob, or to the upload of one. */
export async function download(server: Server, key: string): Promise<RawResponse> {
  return await rawRequest(server.port, downloadRequest(key));
}

/** What a server answers to an upload. */
export async function upload(server: Server, data: Uint8Array): Promise<RawResponse> {
  return await rawRequest(server.port, uploadRequest(data));
}

/** The fields of an answer that are the same in every such answer. */
export function constantFields({ headers }: RawResponse): Fields {
  const names = Object.keys(headers).filter((name) => !varying.includes(name));
  return Object.fromEntries(names.map((name) => [name, headers[name] ?? ""]));
}

/**
 * Compares two servers' answers to GETs of blobs, for the plain handler by either form of keys.
 * @throws Error that names the difference
 */
export async function checkSameDownloads(
  a: Server,
  b: Server,
  { family, numbers }: { readonly family: Family; readonly numbers: readonly number[] },
): Promise<void> {
  for (const number of numbers) {
    const key = keyOf(family, number);
    for (const digits of b.name === "plain" ? [key, key.slice(0, 32)] : [key]) {
      const [ours, theirs] = await Promise.all([download(a, digits), download(b, digits)]);
      checkSame([a, ours], [b, theirs]);
      if (Buffer.compare(ours.body, blobOf(family, number)) !== 0) {
        throw new Error(`${a.name} gives wrong bytes for ${digits}`);
      }
    }
  }
}

/**
 * Compares two servers' answers to uploads of the same blob, new and then known.
 * @throws Error that names the difference
 */
export async function checkSameUploads(a: Server, b: Server, family: Family): Promise<void> {
  const data = blobOf(family, freshNumber());
  for (let time = 0; time < 2; time += 1) {
    checkSame([a, await upload(a, data)], [b, await upload(b, data)]);
  }
}

/** The bytes of an answer, as a server sent it or might have. */
export function answerBytes({ headers, body }: RawResponse): Uint8Array {
  const all = { ...headers, "content-length": String(body.length) };
  const names = Object.keys(all).filter((name) => name !== "transfer-encoding");
  const lines = names.map((name) => `${name}: ${all[name as keyof typeof all] ?? ""}\r\n`);
  return Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${lines.join("")}\r\n`), body]);
}

// --- internal ---

/** One character a byte, so that nothing is lost. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

type Comparable = string | number | boolean | undefined;
type Answer = readonly [server: Server, answer: RawResponse];

function checkSame([a, ours]: Answer, [b, theirs]: Answer): void {
  const complaints: string[] = [];
  const compare = (what: string, left: Comparable, right: Comparable): void => {
    if (left === right) return;
    complaints.push(`${what}: ${a.name} ${String(left)}, ${b.name} ${String(right)}`);
  };
  compare("status", ours.status, theirs.status);
  compare("body", textOf(ours.body), textOf(theirs.body));
  const names = new Set([...Object.keys(ours.headers), ...Object.keys(theirs.headers)]);
  for (const name of names) {
    if (unavoidable.includes(name) && ours.headers[name] === undefined) continue;
    const [left, right] = [ours.headers[name], theirs.headers[name]];
    if (name === "date") compare(name, left !== undefined, right !== undefined);
    else compare(name, left, right);
  }
  if (complaints.length > 0) throw new Error(`the answers differ: ${complaints.join("; ")}`);
}
