import type { Bytes } from "../../src/domain/bytes.ts";
import type { ErrorCode } from "../../src/domain/errors.ts";
import { limits } from "../../src/domain/limits.ts";
import { concatBytes, formBody, utf8, type FormPart } from "./form.ts";

/** An upload that must be refused, whatever its pieces, with nothing stored. */
export interface HostileForm {
  readonly name: string;
  /** Null: no such header. */
  readonly contentType: string | null;
  readonly body: Bytes;
  readonly code: ErrorCode;
}

const boundary = "hostile";
const plainType = `multipart/form-data; boundary=${boundary}`;
const disposition = 'Content-Disposition: form-data; name="data"';
const dataPart: FormPart = { name: "data", data: "bytes" };
const plainBody = formBody({ boundary, parts: [dataPart] });

/** Bodies that a strict reader refuses, each with the code that says why. */
export const hostileForms: readonly HostileForm[] = [
  ...contentTypes(),
  ...truncations(),
  ...boundariesInData(),
  ...crowds(),
  ...lineEnds(),
  ...headers(),
  ...names(),
];

// --- internal ---

function contentTypes(): HostileForm[] {
  const rows: [name: string, contentType: string | null, code: ErrorCode][] = [
    ["no Content-Type", null, "unsupported_media_type"],
    ["an empty Content-Type", "", "unsupported_media_type"],
    ["raw bytes", "application/octet-stream", "unsupported_media_type"],
    ["a URL-encoded form", "application/x-www-form-urlencoded", "unsupported_media_type"],
    ["another multipart", `multipart/mixed; boundary=${boundary}`, "unsupported_media_type"],
    ["a longer type", `multipart/form-data2; boundary=${boundary}`, "unsupported_media_type"],
    ["no boundary", "multipart/form-data", "missing_boundary"],
    ["no boundary, other parameters", "multipart/form-data; charset=utf-8", "missing_boundary"],
    ["an encoded boundary", "multipart/form-data; boundary*=utf-8''hostile", "missing_boundary"],
    ["a boundary in pieces", "multipart/form-data; boundary*0=hostile", "missing_boundary"],
    ["a boundary quote never closed", 'multipart/form-data; boundary="hostile', "missing_boundary"],
    ["an empty boundary", "multipart/form-data; boundary=", "invalid_boundary"],
    ["an empty quoted boundary", 'multipart/form-data; boundary=""', "invalid_boundary"],
    [
      "a boundary of 71 characters",
      `multipart/form-data; boundary=${"b".repeat(71)}`,
      "invalid_boundary",
    ],
    [
      "a boundary that ends with a space",
      'multipart/form-data; boundary="hostile "',
      "invalid_boundary",
    ],
    ["a boundary with a star", "multipart/form-data; boundary=hos*tile", "invalid_boundary"],
    ["a boundary with an umlaut", "multipart/form-data; boundary=hostäle", "invalid_boundary"],
  ];
  return rows.map(([name, contentType, code]) => ({ name, contentType, code, body: plainBody }));
}

function truncations(): HostileForm[] {
  const close = plainBody.length - 2;
  return [
    hostile("an empty body", "", "no_parts"),
    hostile("a body without its boundary", "bytes, and nothing else", "no_parts"),
    hostile(
      "a form of another boundary",
      formBody({ boundary: "b", parts: [dataPart] }),
      "no_parts",
    ),
    hostile("a form of no part", `--${boundary}--\r\n`, "no_parts"),
    hostile("a form of no part, its line unfinished", `--${boundary}--`, "no_parts"),
    hostile("a cut in the first delimiter", plainBody.slice(0, 5), "no_parts"),
    hostile("a cut behind the first delimiter", `--${boundary}`, "truncated_body"),
    hostile("a cut in the headers", plainBody.slice(0, 30), "truncated_body"),
    hostile("a cut in the data", plainBody.slice(0, -18), "truncated_body"),
    hostile("a cut in the closing delimiter", plainBody.slice(0, close - 4), "truncated_body"),
    hostile("a cut between the last dashes", plainBody.slice(0, close - 1), "truncated_body"),
    hostile(
      "no closing delimiter",
      formBody({ boundary, parts: [dataPart], close: false }),
      "truncated_body",
    ),
    hostile(
      "a closing delimiter with text behind it",
      concatBytes(plainBody.slice(0, close), "text\r\n"),
      "truncated_body",
    ),
  ];
}

function boundariesInData(): HostileForm[] {
  const more = `bytes\r\n--${boundary}--\r\nmore bytes`;
  const inData = (data: string): Bytes => formBody({ boundary, parts: [{ name: "data", data }] });
  return [
    hostile(
      "a delimiter in the data, then garbage",
      inData(`bytes\r\n--${boundary}\r\ngarbage\r\n\r\nmore`),
      "invalid_part_header",
    ),
    hostile(
      "a delimiter in the data, then bytes without an empty line",
      inData(`bytes\r\n--${boundary}\r\nmore: bytes`),
      "truncated_body",
    ),
    hostile("a closing delimiter in the data", inData(more), "data_after_end"),
    hostile(
      "a closing delimiter in the data, the true one at the very end",
      inData(more).slice(0, -2),
      "data_after_end",
    ),
    hostile(
      "a closing delimiter in the data, then a cut",
      inData(more).slice(0, -4),
      "data_after_end",
    ),
    hostile(
      "two closing delimiters in a row",
      concatBytes(plainBody, `--${boundary}--\r\n`),
      "data_after_end",
    ),
    hostile("two whole forms", concatBytes(plainBody, plainBody), "data_after_end"),
  ];
}

function crowds(): HostileForm[] {
  const tooMuch = "x".repeat(limits.otherPartsBytesMax + 1);
  const third = "x".repeat(Math.ceil(limits.otherPartsBytesMax / 3) + 1);
  const line = `X-Padding: ${"x".repeat(1000)}`;
  const oneTooMany = limits.partHeaderBytesMax + 1 - `${disposition}\r\nX: \r\n\r\n`.length;
  return [
    form("10,000 parts", { parts: [...crowd(9_999), dataPart] }, "too_many_parts"),
    form("101 parts, data first", { parts: [dataPart, ...crowd(100)] }, "too_many_parts"),
    form("101 parts, data last", { parts: [...crowd(100), dataPart] }, "too_many_parts"),
    form("an other part too long", { parts: [dataPart, other(tooMuch)] }, "other_parts_too_large"),
    form("a preamble too long", { parts: [dataPart], preamble: tooMuch }, "other_parts_too_large"),
    form("an epilogue too long", { parts: [dataPart], epilogue: tooMuch }, "other_parts_too_large"),
    form(
      "a preamble, a part and an epilogue too long together",
      { parts: [other(third), dataPart], preamble: third, epilogue: third },
      "other_parts_too_large",
    ),
    hostile("megabytes that never come to a delimiter", tooMuch + tooMuch, "other_parts_too_large"),
    form(
      "a megabyte of part headers",
      { parts: [{ ...dataPart, headers: Array(1_036).fill(line) }] },
      "part_headers_too_large",
    ),
    form(
      "a header line of a megabyte",
      { parts: [{ ...dataPart, headers: [`X: ${"x".repeat(1_048_576)}`] }] },
      "part_headers_too_large",
    ),
    form(
      "part headers one byte too long",
      { parts: [{ ...dataPart, headers: [`X: ${"x".repeat(oneTooMany)}`] }] },
      "part_headers_too_large",
    ),
  ];
}

function lineEnds(): HostileForm[] {
  const edit = (from: string, to: string): Bytes => {
    return utf8(new TextDecoder().decode(plainBody).replace(from, to));
  };
  const text = new TextDecoder().decode(plainBody);
  return [
    hostile("a form of bare line feeds", text.replaceAll("\r\n", "\n"), "bare_line_feed"),
    hostile("a bare line feed behind a delimiter", edit("\r\n", "\n"), "bare_line_feed"),
    hostile("a bare line feed behind a header", edit('data"\r\n', 'data"\n'), "bare_line_feed"),
    hostile("a bare line feed for the empty line", edit("\r\n\r\n", "\r\n\n"), "bare_line_feed"),
    hostile("a bare line feed behind the close", edit("--\r\n", "--\n"), "bare_line_feed"),
    hostile("bare line feeds before the close", edit("bytes\r\n", "bytes\n"), "truncated_body"),
    hostile("a lone CR in a header", edit("form-data;", "form-data;\r"), "invalid_part_header"),
    hostile("a lone CR behind a delimiter", edit("\r\n", "\r"), "no_parts"),
    hostile("a CR too many behind a header", edit('data"', 'data"\r'), "invalid_part_header"),
  ];
}

function headers(): HostileForm[] {
  const withLine = (line: string): FormPart => ({ ...dataPart, headers: [line] });
  const late: FormPart = { name: "late", headers: ["no colon"], data: "" };
  const rows: [name: string, part: FormPart][] = [
    ["a header without a colon", withLine("no colon")],
    ["a header without a name", withLine(": value")],
    ["a blank before the colon", { headers: [disposition.replace(":", " :")], data: "bytes" }],
    ["a header that begins folded", { headers: [` ${disposition}`], data: "bytes" }],
    ["a second Content-Disposition", withLine('content-disposition: form-data; name="other"')],
  ];
  return [
    ...rows.map(([name, part]) => form(name, { parts: [part] }, "invalid_part_header")),
    form(
      "a header without a colon behind the data",
      { parts: [dataPart, late] },
      "invalid_part_header",
    ),
  ];
}

function names(): HostileForm[] {
  const missing: [name: string, part: FormPart][] = [
    ["a part of another name", { name: "other", data: "bytes" }],
    ["a part named Data", { name: "Data", data: "bytes" }],
    ["a part with an encoded name only", nameless("; name*=utf-8''data")],
    ["a part named in percents", { name: "d%61ta", data: "bytes" }],
    ["a part with data in its filename only", nameless('; filename="; name=data"')],
    ["a part without a name", nameless("")],
    ["a part with a name never closed", nameless('; name="data')],
    ["a part in single quotes", nameless("; name='data'")],
    ["a part without Content-Disposition", { headers: ["X: name=data"], data: "bytes" }],
    ["a part without headers", { data: "bytes" }],
  ];
  return [
    ...missing.map(([name, part]) => form(name, { parts: [part] }, "missing_data_part")),
    form("a NUL in a name", { parts: [{ name: "data\0", data: "" }] }, "nul_in_part_name"),
    form(
      "a NUL in a filename",
      { parts: [{ name: "data", filename: "a\0.bin", data: "" }] },
      "nul_in_part_name",
    ),
    form(
      "a NUL in a name behind the data",
      { parts: [dataPart, { name: "\0", data: "" }] },
      "nul_in_part_name",
    ),
  ];
}

function crowd(length: number): FormPart[] {
  return Array.from({ length }, (_, index) => ({ name: `part${index}`, data: "x" }));
}

function other(data: string): FormPart {
  return { name: "other", data };
}

function nameless(parameters: string): FormPart {
  return { headers: [`Content-Disposition: form-data${parameters}`], data: "bytes" };
}

function hostile(name: string, body: Bytes | string, code: ErrorCode): HostileForm {
  return {
    name,
    contentType: plainType,
    body: typeof body === "string" ? utf8(body) : body,
    code,
  };
}

function form(
  name: string,
  options: Omit<Parameters<typeof formBody>[0], "boundary">,
  code: ErrorCode,
): HostileForm {
  return hostile(name, formBody({ boundary, ...options }), code);
}
