import { toHex, type Bytes } from "../../src/domain/bytes.ts";
import { concatBytes, cutBytes, uploaderBody } from "./form.ts";
import { hashing } from "./blobs.ts";
import { connectRaw, type RawConnection, type RawResponse } from "./raw-http.ts";

/** An upload as it goes over the wire. */
export interface RawUpload {
  readonly method: "POST" | "PUT";
  readonly path: string;
  /** Header fields besides Host and those that frame the body. */
  readonly fields: readonly string[];
  readonly body: Bytes;
}

/** How the end of a body is told. */
export type Framing = "Content-Length" | "chunked";

export const framings: readonly Framing[] = ["Content-Length", "chunked"];

/** Bytes as POST takes them, in the form of the existing uploader. */
export function postOf(data: Bytes, ...fields: readonly string[]): RawUpload {
  const { body, contentType } = uploaderBody(data);
  const all = [`Content-Type: ${contentType}`, ...fields];
  return { method: "POST", path: "/api/v1/metadata", fields: all, body };
}

/** Bytes as PUT takes them, under their own hash. */
export function putOf(data: Bytes, ...fields: readonly string[]): RawUpload {
  return { method: "PUT", path: pathOf(data), fields, body: data };
}

/** Every way in of a blob. */
export const waysIn = [
  ["POST", postOf],
  ["PUT", putOf],
] as const;

/** Where bytes are, once they are stored. */
export function pathOf(data: Bytes): string {
  return `/api/v1/metadata/${toHex(hashing.hash(data))}`;
}

/** Everything in front of the body. `framing` is a length to announce, or chunked. */
export function headOf({ method, path, fields }: RawUpload, framing: number | "chunked"): string {
  const framed =
    framing === "chunked" ? "Transfer-Encoding: chunked" : `Content-Length: ${framing}`;
  return `${[`${method} ${path} HTTP/1.1`, "Host: r", ...fields, framed].join("\r\n")}\r\n\r\n`;
}

/** One chunk (RFC 9112 section 7.1). */
export function chunkOf(data: Bytes): Bytes {
  return concatBytes(`${data.length.toString(16)}\r\n`, data, "\r\n");
}

export const lastChunk = "0\r\n\r\n";

/** A body in chunks of several sizes. */
export function chunked(body: Bytes): Bytes {
  const pieces = cutBytes(body, [1, 2, 700, 65_537, 3, 1_000_000]);
  return concatBytes(...pieces.map(chunkOf), lastChunk);
}

/** Sends all of an upload, whatever is said meanwhile, and gives the answer. */
export async function send(
  port: number,
  upload: RawUpload,
  framing: Framing = "Content-Length",
): Promise<RawResponse> {
  const { body } = upload;
  const connection = await connectRaw(port);
  const isChunked = framing === "chunked";
  await connection.send(headOf(upload, isChunked ? framing : body.length));
  connection.send(isChunked ? chunked(body) : body).catch(() => {}); // the answer may come first
  return await answerOn(connection);
}

/** The answer that a connection gets, after which it is not used any more. */
export async function answerOn(connection: RawConnection): Promise<RawResponse> {
  try {
    return await connection.response();
  } finally {
    connection.destroy();
  }
}

/** The JSON in an answer. */
export function jsonOf({ body }: RawResponse): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(body).toString()) as Readonly<Record<string, unknown>>;
}
