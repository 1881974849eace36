import { problem, withFields } from "./conformance-answers.ts";
import type { Ask, AskedFields, Expected, Row } from "./conformance-row.ts";

function exists(text: string, fields: AskedFields = {}): Ask {
  return {
    method: "POST",
    target: "/api/v1/metadata/exists",
    fields: { "Content-Type": "application/json", ...fields },
    content: { text },
  };
}

function listOf(keys: readonly string[]): string {
  return JSON.stringify({ hashes: keys });
}

/** 200, with the keys that are missing; true only now, so that nobody may keep it. */
function missing(keys: readonly string[]): Expected {
  return {
    status: 200,
    fields: { "Content-Type": /^application\/json(;|$)/, "Cache-Control": "no-store" },
    absent: ["ETag", "Last-Modified", "Connection"],
    content: { kind: "json", text: JSON.stringify({ missing: keys }) },
  };
}

function refused(status: number, code: string, details: readonly string[] = []): Expected {
  return withFields(problem(status, code, details), { Connection: "close" });
}

type Question = readonly [name: string, ask: Ask, expected: Expected];

const answered: readonly Question[] = [
  ["known and unknown", exists(listOf(["{small}", "{unknown}"])), missing(["{unknown}"])],
  ["none missing", exists(listOf(["{small}", "{large}", "{empty}"])), missing([])],
  [
    "all missing, in their order",
    exists(listOf(["{unknown}", "{new}"])),
    missing(["{unknown}", "{new}"]),
  ],
  [
    "in their order, turned round",
    exists(listOf(["{new}", "{unknown}"])),
    missing(["{new}", "{unknown}"]),
  ],
  ["32 digits", exists(listOf(["{small:32}", "{unknown:32}"])), missing(["{unknown:32}"])],
  ["segments by 32 digits", exists(listOf(["{large:32}"])), missing([])],
  [
    "as sent: upper case",
    exists(listOf(["{small:upper}", "{unknown:upper}"])),
    missing(["{unknown:upper}"]),
  ],
  [
    "as sent: the same twice",
    exists(listOf(["{new}", "{small}", "{new}"])),
    missing(["{new}", "{new}"]),
  ],
  [
    "a known half and an unknown one",
    exists(listOf(["{small:32}{new:32}"])),
    missing(["{small:32}{new:32}"]),
  ],
  ["no keys", exists(listOf([])), missing([])],
  [
    "as many as may be",
    exists(listOf(Array.from({ length: 1000 }, () => "{new}"))),
    missing(Array.from({ length: 1000 }, () => "{new}")),
  ],
  [
    "a type with a parameter",
    exists(listOf(["{new}"]), { "Content-Type": "Application/JSON; charset=utf-8" }),
    missing(["{new}"]),
  ],
  ["in chunks", { ...exists(listOf(["{small}", "{new}"])), isChunked: true }, missing(["{new}"])],
];

const turnedAway: readonly Question[] = [
  [
    "one too many",
    exists(listOf(Array.from({ length: 1001 }, () => "{new}"))),
    refused(400, "too_many_keys", ["1000"]),
  ],
  [
    "a key of 63 digits",
    exists(listOf(["{small}", "{small:63}"])),
    refused(400, "invalid_key_length", ["hashes[1]"]),
  ],
  [
    "a key with another character",
    exists(listOf(["{small:63}g"])),
    refused(400, "invalid_key_digit", ["hashes[0]"]),
  ],
  ["an empty key", exists(listOf([""])), refused(400, "invalid_key_length")],
  ["no JSON", exists('{"hashes":['), refused(400, "invalid_key_list")],
  ["no list", exists('{"hashes":"{small}"}'), refused(400, "invalid_key_list")],
  ["no strings", exists('{"hashes":[1]}'), refused(400, "invalid_key_list")],
  ["no hashes", exists("{}"), refused(400, "invalid_key_list")],
  ["null", exists("null"), refused(400, "invalid_key_list")],
  ["a bare list", exists('["{small}"]'), refused(400, "invalid_key_list")],
  [
    "another type",
    exists(listOf([]), { "Content-Type": "text/plain" }),
    refused(415, "unsupported_media_type"),
  ],
  [
    "a coding",
    exists(listOf([]), { "Content-Encoding": "gzip" }),
    refused(415, "unsupported_content_encoding"),
  ],
  ["far too long", exists(listOf(["0".repeat(300_000)])), refused(413, "body_too_large")],
];

const sectionOf = ({ status }: Expected): string =>
  status === 400 ? "RFC 9110 15.5.1" : `RFC 9110 15.5.${status === 413 ? 14 : 16}`;

/** POST /api/v1/metadata/exists: which of many blobs are missing. */
export const existsRows: readonly Row[] = [
  ...answered.map(([name, ask, expected]) => ({
    name: `missing: ${name}`,
    section: "openapi.yaml",
    ask,
    expected,
  })),
  ...turnedAway.map(([name, ask, expected]) => ({
    name: `missing: ${name}`,
    section: sectionOf(expected),
    ask,
    expected,
  })),
];
