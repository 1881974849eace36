import type { Bytes } from "../../src/domain/bytes.ts";

/** A part of a form. Without `name` it has no Content-Disposition but what `headers` say. */
export interface FormPart {
  readonly name?: string;
  readonly filename?: string;
  /** Header lines besides Content-Disposition, without line ends. */
  readonly headers?: readonly string[];
  readonly data: Bytes | string;
}

/** A form to be written out. */
export interface Form {
  readonly boundary: string;
  readonly parts: readonly FormPart[];
  /** Left out, the body begins with the first delimiter; else a line end follows the preamble. */
  readonly preamble?: Bytes | string;
  /** What follows the line of the closing delimiter. */
  readonly epilogue?: Bytes | string;
  /** False leaves the closing delimiter out, and the line end before it. */
  readonly close?: boolean;
  /** Blanks behind every delimiter. */
  readonly padding?: string;
}

/** The body of a form. Text is written as UTF-8. */
export function formBody(form: Form): Bytes {
  const { boundary, parts, preamble, epilogue = "", close = true, padding = "" } = form;
  const pieces: (Bytes | string)[] = [];
  let lineEnd = "";
  if (preamble !== undefined) {
    pieces.push(preamble);
    lineEnd = "\r\n";
  }
  for (const part of parts) {
    pieces.push(`${lineEnd}--${boundary}${padding}\r\n`);
    for (const line of headerLines(part)) pieces.push(`${line}\r\n`);
    pieces.push("\r\n", part.data);
    lineEnd = "\r\n";
  }
  if (close) pieces.push(`${lineEnd}--${boundary}--${padding}\r\n`, epilogue);
  return concatBytes(...pieces);
}

/** A request body and its Content-Type. */
export interface FormRequest {
  readonly contentType: string;
  readonly body: Bytes;
}

/** Exactly what the existing uploader sends: one part, without filename or type. */
export function uploaderBody(bytes: Bytes): FormRequest & { readonly boundary: string } {
  const boundary = "0123456789abcdef-0011223344556677-8899aabbccddeeff-fedcba9876543210";
  return {
    boundary,
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: concatBytes(
      `--${boundary}\r\nContent-Disposition: form-data; name="data"\r\n\r\n`,
      bytes,
      `\r\n--${boundary}--\r\n`,
    ),
  };
}

/** All pieces in one array; text as UTF-8. */
export function concatBytes(...pieces: readonly (Bytes | string)[]): Bytes {
  const parts = pieces.map((piece) => (typeof piece === "string" ? utf8(piece) : piece));
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** The bytes cut into pieces of these sizes, and what is left. */
export function cutBytes(bytes: Bytes, sizes: readonly number[]): Bytes[] {
  const pieces: Bytes[] = [];
  let start = 0;
  for (const size of sizes) {
    if (start >= bytes.length) break;
    pieces.push(bytes.subarray(start, start + size));
    start += size;
  }
  if (start < bytes.length) pieces.push(bytes.subarray(start));
  return pieces;
}

/** UTF-8. */
export function utf8(text: string): Bytes {
  return new TextEncoder().encode(text);
}

// --- internal ---

function headerLines({ name, filename, headers = [] }: FormPart): readonly string[] {
  if (name === undefined) return headers;
  const file = filename === undefined ? "" : `; filename="${filename}"`;
  return [`Content-Disposition: form-data; name="${name}"${file}`, ...headers];
}
