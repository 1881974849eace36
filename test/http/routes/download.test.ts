import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { createHash } from "node:crypto";
import { utf8 } from "../../support/form.ts";
import { conditionalRequests, date, type Selected } from "../../support/conditional-requests.ts";
import { insertRow, overwriteRow } from "../../support/damage.ts";
import {
  askRaw,
  recordStatements,
  redate,
  settings,
  sizesOfInterest,
  stock,
  type StockedBlob,
} from "../../support/downloads.ts";
import { randomBlob, shortKey } from "../../support/blobs.ts";
import { rangeConditions, rangesFor } from "../../support/range-requests.ts";
import { connectRaw, type RawResponse } from "../../support/raw-http.ts";
import type { TestRegistry } from "../../support/registry.ts";
import { toHex } from "../../../src/domain/bytes.ts";

const unknown = "0123456789abcdef".repeat(4);
const bufferedMax = 8 * 1024 * 1024;

const commonFields = {
  "cache-control": "public, max-age=31536000, immutable",
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "*",
  date: expect.stringMatching(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/),
};
const blobFields = {
  ...commonFields,
  "content-type": "application/octet-stream",
  "accept-ranges": "bytes",
  "x-content-type-options": "nosniff",
  "content-security-policy": "sandbox",
  "cross-origin-resource-policy": "cross-origin",
};

describe.each(settings)("downloads (%s)", (name, start) => {
  const isCached = name.endsWith("cached");
  let registry: TestRegistry;
  let blobs: readonly StockedBlob[];
  beforeAll(async () => {
    registry = await start();
    blobs = await Promise.all(sizesOfInterest.map((size) => stock(registry, size)));
  });
  afterAll(() => registry.stop());

  const ask = async (request: Parameters<typeof askRaw>[1]) => await askRaw(registry.port, request);
  const codeOf = ({ body }: Pick<RawResponse, "body">): unknown =>
    JSON.parse(Buffer.from(body).toString()).code;

  /** When a blob was stored, in whole seconds, as the database says. */
  async function selected({ hash, hex }: StockedBlob): Promise<Selected> {
    const { dialect, query } = registry.database;
    const text = `SELECT ${dialect.epochMs("created_at")} AS ms FROM blobs WHERE hash = $1`;
    const [row] = await query("read", text, [hash]);
    return { tag: `"${hex}"`, storedMs: Math.floor(Number(row?.["ms"]) / 1000) * 1000 };
  }

  /** How long an answer says it is: a longer one of Bun's is chunked. */
  const lengthFields = (bytes: number) =>
    bytes <= bufferedMax ? { "content-length": String(bytes) } : { "transfer-encoding": "chunked" };

  describe("GET", () => {
    it("gives the bytes, by both keys, with all that a cache may want to know", async () => {
      for (const blob of blobs) {
        const { hex, data } = blob;
        const { tag, storedMs } = await selected(blob);
        for (const key of [hex, hex.slice(0, 32)]) {
          const { status, headers, body } = await ask({ key });
          expect(status).toBe(200);
          expect(Buffer.compare(body, data)).toBe(0);
          expect(headers).toEqual({
            ...blobFields,
            ...lengthFields(data.length),
            etag: tag,
            "last-modified": date(storedMs),
          });
        }
      }
    });

    it.each([
      [unknown.slice(0, 31), "invalid_key_length"],
      [unknown.slice(0, 33), "invalid_key_length"],
      [unknown.slice(0, 63), "invalid_key_length"],
      [`${unknown}0`, "invalid_key_length"],
      [`${unknown.slice(0, 63)}g`, "invalid_key_digit"],
      [`g${unknown.slice(0, 31)}`, "invalid_key_digit"],
      [`0x${unknown.slice(0, 62)}`, "invalid_key_digit"],
      ["%zz", "invalid_key_length"],
      ["%ff%fe", "invalid_key_length"],
      [`%zz${unknown.slice(0, 61)}`, "invalid_key_digit"],
      ["%00", "invalid_key_length"],
      ["a%2Fb", "invalid_key_length"],
    ])("refuses the key %p with %s", async (key, code) => {
      const response = await ask({ key });
      expect(response.status).toBe(400);
      expect(response.headers["content-type"]).toBe("application/problem+json");
      expect(codeOf(response)).toBe(code);
      expect((await ask({ method: "HEAD", key })).status).toBe(400);
    });

    it("of an unknown blob is 404 for no cache to keep, whatever the conditions", async () => {
      for (const fields of [
        {},
        { "If-None-Match": "*" },
        { "If-Match": "*" },
        { Range: "bytes=0-" },
      ]) {
        for (const key of [unknown, unknown.slice(0, 32)]) {
          const response = await ask({ key, fields });
          expect(response.status).toBe(404);
          expect(response.headers["cache-control"]).toBe("no-store");
          expect(codeOf(response)).toBe("not_found");
          expect((await ask({ method: "HEAD", key, fields })).status).toBe(404);
        }
      }
    });

    it("finds an unknown blob as soon as it has been uploaded", async () => {
      const { hash, data } = randomBlob(700);
      expect((await ask({ key: toHex(hash) })).status).toBe(404);
      await stock(registry, data);
      expect((await ask({ key: toHex(hash) })).status).toBe(200);
    });

    it("never gives bytes that do not match their key, and logs the key", async () => {
      const { hash, hex, data } = await stock(registry, 300);
      await overwriteRow(registry.database, hash, utf8("spoilt"));
      const before = registry.counters.blobsCorrupt;
      const response = await ask({ key: hex });
      expect(response.status).toBe(500);
      expect(codeOf(response)).toBe("corrupt_blob");
      expect(response.headers["cache-control"]).toBe("no-store");
      expect((await ask({ key: hex, fields: { Range: "bytes=0-0" } })).status).toBe(500);
      expect(registry.counters.blobsCorrupt).toBe(before + 2);
      const line = registry.lines.findLast(({ level }) => level === "error");
      expect(JSON.stringify(line)).toContain(hex);

      await stock(registry, data);
      expect(registry.counters.blobsRepaired).toBeGreaterThan(0);
      expect((await ask({ key: hex })).body).toEqual(Buffer.from(data));
    });
  });

  describe("HEAD", () => {
    it("has the fields of GET, and Content-Length where GET is chunked", async () => {
      for (const { hex, data } of blobs) {
        for (const key of [hex, hex.slice(0, 32)]) {
          const { date: getDate = "", ...get } = (await ask({ key })).headers;
          const head = await ask({ method: "HEAD", key });
          const { date: headDate = "", ...fields } = head.headers;
          expect(head.status).toBe(200);
          const { "transfer-encoding": _, ...expected } = get;
          expect(fields).toEqual({ ...expected, "content-length": String(data.length) });
          expect(Math.abs(Date.parse(headDate) - Date.parse(getDate))).toBeLessThan(60_000);
        }
      }
    });

    it("reads no blob data: one statement, or none where the cache has the blob", async () => {
      for (const { hex, data } of blobs) {
        await (await fetch(`${registry.api}/${hex}`)).bytes();
        using recording = recordStatements(registry);
        const before = registry.counters.bytesSent;
        await ask({ method: "HEAD", key: hex });
        const statements = recording.statements();
        const isAtHand = isCached && data.length <= 2 * 1024 * 1024;
        expect(statements).toHaveLength(isAtHand ? 0 : 1);
        expect(statements.filter(({ text }) => /\bdata\b/.test(text))).toEqual([]);
        expect(registry.counters.bytesSent).toBe(before);
      }
    });

    it("is not for parts, nor for digests", async () => {
      const [, , { hex, data } = expect.unreachable()] = blobs;
      const fields = { Range: "bytes=0-1", "Want-Repr-Digest": "sha-256=1" };
      const { status, headers } = await ask({ method: "HEAD", key: hex, fields });
      expect(status).toBe(200);
      expect(headers["content-length"]).toBe(String(data.length));
      expect(headers).not.toContainAnyKeys(["content-range", "repr-digest"]);
    });
  });

  describe("conditions", () => {
    it.each(conditionalRequests)("$section: $name is $status", async ({ status, fields }) => {
      for (const blob of blobs) {
        for (const method of ["GET", "HEAD"]) {
          if (method === "GET" && status === 200 && blob.data.length > 2 ** 20) continue; // below
          const asked = fields(await selected(blob));
          const response = await ask({
            method,
            key: blob.hex,
            fields: asked,
            isBodiless: status === 304,
          });
          expect(response.status).toBe(status);
          if (status === 304) {
            expect(response.headers).toEqual({ ...commonFields, etag: `"${blob.hex}"` });
          } else if (status === 412) {
            expect(response.headers["content-type"]).toBe("application/problem+json");
            if (method === "GET") expect(codeOf(response)).toBe("precondition_failed");
          } else if (method === "GET") {
            expect(Buffer.compare(response.body, blob.data)).toBe(0);
          }
        }
      }
    });

    it("that do not hold back a large blob leave it as it is", async () => {
      for (const { hex, data } of blobs) {
        const headers = { "If-None-Match": `"${unknown}"`, "If-Match": "*" };
        const response = await fetch(`${registry.api}/${hex}`, { headers });
        expect(response.status).toBe(200);
        expect(Buffer.compare(await response.bytes(), data)).toBe(0);
      }
    });

    it("answered with 304 read no blob data, and leave the connection as it was", async () => {
      for (const { hex, data } of blobs) {
        const path = `/api/v1/metadata/${hex} HTTP/1.1\r\nHost: r\r\n`;
        using recording = recordStatements(registry);
        const connection = await connectRaw(registry.port);
        await connection.send(`GET ${path}If-None-Match: "${hex}"\r\n\r\n`);
        expect((await connection.response({ isHead: true })).status).toBe(304);
        const statements = recording.statements();
        expect(statements.filter(({ text }) => /\bdata\b/.test(text))).toEqual([]);
        await connection.send(`HEAD ${path}\r\n`);
        const next = await connection.response({ isHead: true });
        expect(next.headers["content-length"]).toBe(String(data.length));
        connection.destroy();
      }
    });
  });

  describe("ranges", () => {
    it("are cut out, refused or ignored, as their form has it", async () => {
      for (const { hex, data } of blobs) {
        for (const [range, answered] of rangesFor(data.length)) {
          // The whole of a large blob, once more for each, would take its time.
          if (answered === "whole" && data.length > 2 ** 20 && range !== "bytes=0-0,2-2") continue;
          const { status, headers, body } = await ask({ key: hex, fields: { Range: range } });
          const [first, last] = Array.isArray(answered) ? answered : [0, data.length - 1];
          if (answered === "unsatisfiable") {
            expect([range, status]).toEqual([range, 416]);
            expect(headers["content-range"]).toBe(`bytes */${data.length}`);
            expect(codeOf({ body })).toBe("range_not_satisfiable");
            continue;
          }
          expect([range, status]).toEqual([range, answered === "whole" ? 200 : 206]);
          expect(Buffer.compare(body, data.subarray(first, last + 1))).toBe(0);
          expect(headers).toEqual({
            ...blobFields,
            ...lengthFields(last + 1 - first),
            etag: `"${hex}"`,
            "last-modified": expect.any(String),
            ...(answered === "whole"
              ? {}
              : { "content-range": `bytes ${first}-${last}/${data.length}` }),
          });
        }
      }
    });

    it.each(rangeConditions)("with $name are answered with $status", async ({ status, fields }) => {
      for (const blob of blobs.filter(({ data }) => data.length > 0 && data.length < 5 * 2 ** 20)) {
        const asked = fields(await selected(blob));
        const isBodiless = status === 304;
        const response = await ask({ key: blob.hex, fields: asked, isBodiless });
        expect(response.status).toBe(status);
        const bytes = { 206: 1, 200: blob.data.length };
        if (status === 206 || status === 200) expect(response.body.length).toBe(bytes[status]);
      }
    });
  });

  describe("Want-Repr-Digest", () => {
    const sha256 = (data: Uint8Array): string =>
      `sha-256=:${createHash("sha256").update(data).digest("base64")}:`;

    it("is told the digest of all of a blob kept as one row, also with a part of it", async () => {
      for (const { hex, data } of blobs.filter(({ data: { length } }) => length <= 2 * 2 ** 20)) {
        const fields = { "Want-Repr-Digest": "sha-256=1" };
        const whole = await ask({ key: hex, fields });
        expect(whole.status).toBe(200);
        expect(whole.headers["repr-digest"]).toBe(sha256(data));
        expect(Buffer.compare(whole.body, data)).toBe(0);
        if (data.length === 0) continue;
        const part = await ask({ key: hex, fields: { ...fields, Range: "bytes=-1" } });
        expect(part.status).toBe(206);
        expect(part.headers["repr-digest"]).toBe(sha256(data));
        const plain = await ask({ key: hex });
        expect(plain.headers).not.toContainKey("repr-digest");
      }
    });

    it("is not told that of a larger one, of no known kind, or to who has the blob", async () => {
      const [, , small = expect.unreachable(), , large = expect.unreachable()] = blobs;
      for (const { key, ...fields } of [
        { key: large.hex, "Want-Repr-Digest": "sha-256=1" },
        { key: large.hex, "Want-Repr-Digest": "sha-256=1", Range: "bytes=0-1" },
        { key: small.hex, "Want-Repr-Digest": "md5=1" },
        { key: small.hex, "Want-Repr-Digest": "sha-256=" },
        { key: small.hex, "Want-Repr-Digest": "sha-256=1", "If-None-Match": "*" },
      ]) {
        const isBodiless = "If-None-Match" in fields;
        const { status, headers } = await ask({ key, fields, isBodiless });
        expect(status).toBeLessThan(400);
        expect(headers).not.toContainKey("repr-digest");
      }
    });
  });

  describe("of what the Rust registry left", () => {
    it("tell the whole hash of a row kept under 16 bytes, in every answer", async () => {
      const { hash, data } = randomBlob(900);
      const hex = toHex(hash);
      await insertRow(registry.database, shortKey(hash), { data });
      for (const key of [hex, hex.slice(0, 32), hex]) {
        for (const [status, fields] of [
          [200, {}],
          [206, { Range: "bytes=1-2" }],
          [304, { "If-None-Match": `"${hex}"` }],
        ] as const) {
          const response = await ask({ key, fields, isBodiless: status === 304 });
          expect(response.status).toBe(status);
          expect(response.headers["etag"]).toBe(`"${hex}"`);
        }
        const head = await ask({ method: "HEAD", key });
        expect(head.headers).toMatchObject({ etag: `"${hex}"`, "content-length": "900" });
      }
    });

    // SQLite never had such rows.
    if (!name.startsWith("PostgreSQL")) return;
    it("tell no time that nobody noted", async () => {
      const { hash, hex } = await stock(registry, 100);
      const { query } = registry.database;
      await query("write", "ALTER TABLE blobs ALTER COLUMN created_at DROP NOT NULL");
      await query("write", "UPDATE blobs SET created_at = NULL WHERE hash = $1", [hash]);
      const then = date(Date.UTC(2030, 0, 1));
      for (const [status, fields] of [
        [200, {}],
        [206, { Range: "bytes=0-0" }],
        [200, { "If-Modified-Since": then }],
        [200, { "If-Unmodified-Since": date(0) }],
        [200, { Range: "bytes=0-0", "If-Range": then }],
      ] as const) {
        for (const method of ["GET", "HEAD"]) {
          const response = await ask({ method, key: hex, fields });
          expect(response.status).toBe(method === "HEAD" ? 200 : status);
          expect(response.headers).not.toContainKey("last-modified");
        }
      }
    });
  });

  it("tell of no change later than their Date, of a new blob or by a clock ahead", async () => {
    for (const aheadMs of [0, 300, 3_600_000]) {
      for (const size of [40, 3 * 2 ** 20]) {
        const { hash, hex } = await stock(registry, size);
        if (aheadMs > 0) await redate(registry.database, hash, Date.now() + aheadMs);
        for (const method of ["GET", "GET", "HEAD"]) {
          for (const fields of [{}, { Range: "bytes=0-0" }]) {
            const { headers } = await ask({ method, key: hex, fields });
            const { "last-modified": modified = "", date: sent = "" } = headers;
            expect(Date.parse(modified)).toBeLessThanOrEqual(Date.parse(sent));
          }
        }
      }
    }
  });
});
