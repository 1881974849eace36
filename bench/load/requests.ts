import { blobHead, blobHeadBytes, blobTail, keyOf, numberOffset } from "./blobs.ts";
import { type Ask } from "./job.ts";
import { type NativeJob } from "./native.ts";

const apiPath = "/api/v1/metadata";
const boundary = "----------------------------bench0123456789";
const formHead =
  `--${boundary}\r\nContent-Disposition: form-data; name="data"; filename="blob.bin"\r\n` +
  "Content-Type: application/octet-stream\r\n\r\n";
const formEnd = `\r\n--${boundary}--\r\n`;

/** The requests of an ask, as bytes, and what must come back, as load.c wants them. */
export function nativeRequests(ask: Ask): NativeJob {
  return ask.kind === "get" ? downloads(ask) : uploads(ask);
}

/** A GET of the blob with this key. */
export function downloadRequest(key: string): string {
  return `GET ${apiPath}/${key} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
}

/** The bytes of one upload request. */
export function uploadRequest(data: Uint8Array): Uint8Array {
  return Buffer.concat([uploadHead(data.length), data, Buffer.from(formEnd)]);
}

/** The length of an upload request of a blob. */
export function uploadRequestBytes(bytesTotal: number): number {
  return uploadHead(bytesTotal).length + bytesTotal + formEnd.length;
}

// --- internal ---

function downloads({ family, count, isMixed = false }: Ask & { kind: "get" }): NativeJob {
  const numbers = Array.from({ length: count }, (_, number) => number);
  const heads = numbers.map((number) => {
    const key = keyOf(family, number);
    return Buffer.from(downloadRequest(isMixed && number % 2 === 1 ? key.slice(0, 32) : key));
  });
  return {
    ...joined(heads),
    tail: blobTail(family),
    counter_offset: -1,
    bodies: Buffer.concat(numbers.map((number) => blobHead(family, number))),
    body_head_bytes: blobHeadBytes,
    body_tail_bytes: family.bytesTotal - blobHeadBytes,
  };
}

function uploads(ask: Ask & { kind: "post-new" | "post-known" }): NativeJob {
  const { family } = ask;
  const head = uploadHead(family.bytesTotal);
  const count = ask.kind === "post-new" ? 1 : ask.count;
  const numbers = Array.from({ length: count }, (_, number) => number);
  const tail = Buffer.concat([blobTail(family), Buffer.from(formEnd)]);
  return {
    ...joined(numbers.map((number) => Buffer.concat([head, blobHead(family, number)]))),
    tail,
    tail_bytes: tail.length,
    counter_offset: ask.kind === "post-new" ? head.length + numberOffset : -1,
    counter_next: ask.kind === "post-new" ? ask.first : 0,
  };
}

function uploadHead(bytesTotal: number): Buffer {
  const contentLength = formHead.length + bytesTotal + formEnd.length;
  return Buffer.from(
    `POST ${apiPath} HTTP/1.1\r\nHost: 127.0.0.1\r\n` +
      `Content-Type: multipart/form-data; boundary=${boundary}\r\n` +
      `Content-Length: ${contentLength}\r\n\r\n${formHead}`,
  );
}

function joined(heads: readonly Buffer[]): NativeJob {
  const starts = new BigInt64Array(heads.length + 1);
  let at = 0;
  for (const [n, head] of heads.entries()) {
    at += head.length;
    starts[n + 1] = BigInt(at);
  }
  return { request_count: heads.length, heads: Buffer.concat(heads), head_starts: starts };
}
