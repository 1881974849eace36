import { afterEach, beforeEach, describe, expect, setSystemTime, test } from "bun:test";

import { toBlobHash } from "../../src/domain/blob-key.ts";
import {
  blobFields,
  cacheFields,
  createBlobResponses,
  entityTagOf,
  validatorsOf,
} from "../../src/http/blob-headers.ts";

const hash = toBlobHash(new Uint8Array(32).fill(0xab));
const digits = "ab".repeat(32);
const tag = `"${digits}"`;

const now = Date.UTC(2026, 1, 3, 4, 5, 6, 789);
const nowText = "Tue, 03 Feb 2026 04:05:06 GMT";
beforeEach(() => {
  setSystemTime(now);
});
afterEach(() => {
  setSystemTime();
});

const statOf = (createdAtMs: number | null) => ({ hash, bytesTotal: 3, createdAtMs });

test("the entity tag is the quoted hash, lower case, and strong", () => {
  expect(entityTagOf(hash)).toBe(tag);
});

test("conditions are held against the tag and the time in the database", () => {
  expect(validatorsOf(statOf(1234))).toEqual({ entityTag: tag, modifiedAtMs: 1234 });
  expect(validatorsOf(statOf(null))).toEqual({ entityTag: tag, modifiedAtMs: null });
});

test("a cache is told to keep a blob for good, and no more", () => {
  expect(cacheFields(statOf(now))).toEqual({
    ETag: tag,
    "Cache-Control": "public, max-age=31536000, immutable",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "*",
  });
});

const fieldsOfAll = {
  "Content-Type": "application/octet-stream",
  "Accept-Ranges": "bytes",
  ETag: tag,
  "Cache-Control": "public, max-age=31536000, immutable",
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "sandbox",
  "Cross-Origin-Resource-Policy": "cross-origin",
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": "*",
};

/** When a blob was stored, and the fields that tell of it. */
const times: readonly (readonly [string, number | null, Readonly<Record<string, string>>])[] = [
  ["long ago", Date.UTC(1999, 11, 31), { "Last-Modified": "Fri, 31 Dec 1999 00:00:00 GMT" }],
  ["2 seconds ago", now - 2000, { "Last-Modified": "Tue, 03 Feb 2026 04:05:04 GMT" }],
  // Newer than the Date of Bun may be, so that it brings its own.
  [
    "just short of that",
    now - 1999,
    { "Last-Modified": "Tue, 03 Feb 2026 04:05:04 GMT", Date: nowText },
  ],
  ["now", now, { "Last-Modified": nowText, Date: nowText }],
  ["by a clock that is ahead", now + 3_600_000, { "Last-Modified": nowText, Date: nowText }],
  ["nobody knows when", null, {}],
];

describe.each(times)("a blob stored %s", (_, createdAtMs, fields) => {
  test("is kept for good, read by anybody, and never taken for a document", () => {
    expect(blobFields(statOf(createdAtMs))).toEqual({ ...fieldsOfAll, ...fields });
  });

  test("comes whole with the same fields, whatever came before it", async () => {
    const toResponse = createBlobResponses();
    const data = new Uint8Array([1, 2, 3]);
    for (const [, before] of times) {
      toResponse({ data, digits, createdAtMs: before, lastModified: "x" });
    }
    const { "Last-Modified": lastModified = null } = fields;
    const response = toResponse({ data, digits, createdAtMs, lastModified });
    const expected = new Headers({ ...fieldsOfAll, ...fields });
    expect(Object.fromEntries(response.headers)).toEqual(Object.fromEntries(expected));
    expect(response.status).toBe(200);
    expect(await response.bytes()).toEqual(data);
  });
});
