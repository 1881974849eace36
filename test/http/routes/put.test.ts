import { afterAll, beforeAll, describe, expect, it, spyOn } from "bun:test";
import { toHex, type Bytes } from "../../../src/domain/bytes.ts";
import { hashing, shortKey } from "../../support/blobs.ts";
import { flipped, insertRow, overwriteRow, rowsOf, uploadOf } from "../../support/damage.ts";
import { connectRaw, type RawResponse } from "../../support/raw-http.ts";
import {
  answerOn,
  chunkOf,
  framings,
  headOf,
  jsonOf,
  lastChunk,
  pathOf,
  postOf,
  putOf,
  send,
} from "../../support/raw-upload.ts";
import {
  eventually,
  nothingStored,
  randomBytes,
  stores,
  type RowCounts,
} from "../../support/registry.ts";

const mebibyte = 1024 * 1024;
const onlyIfNew = "If-None-Match: *";

const digitsOf = (data: Bytes): string => toHex(hashing.hash(data));

const statusesOf = (answers: readonly RawResponse[]): number[] =>
  answers.map(({ status }) => status).toSorted((a, b) => a - b);

/** One row, and segments. */
const sizes: readonly (readonly [name: string, bytes: number])[] = [
  ["empty", 0],
  ["small", 700],
  ["row", 2 * mebibyte],
  ["large", 5 * mebibyte + 3],
];

describe.each(stores)("PUT /api/v1/metadata/{hash} (%s)", (_, start) => {
  let registry: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    registry = await start();
  });
  afterAll(() => registry.stop());

  const put = (data: Bytes, ...fields: readonly string[]): Promise<RawResponse> =>
    send(registry.port, putOf(data, ...fields));

  const get = (data: Bytes): Promise<Response> => fetch(`${registry.url}${pathOf(data)}`);

  async function expectClear(before: RowCounts): Promise<void> {
    await eventually(async () => (await registry.rowCounts()).uploads === 0);
    expect(await registry.rowCounts()).toEqual(before);
  }

  function expectReceipt(response: RawResponse, data: Bytes, created: boolean): void {
    const hash = digitsOf(data);
    expect(jsonOf(response)).toEqual({ hash, size: data.length, created });
    expect(response.status).toBe(created ? 201 : 200);
    expect(response.headers).toMatchObject({
      "content-type": "application/json",
      "cache-control": "no-store",
      location: `/api/v1/metadata/${hash}`,
      etag: `"${hash}"`,
    });
    expect(response.headers["connection"]).toBeUndefined();
  }

  function expectRefused(response: RawResponse, status: number, code: string): void {
    expect(jsonOf(response)).toMatchObject({ status, code });
    expect(response.status).toBe(status);
  }

  describe.each(sizes)("of a blob: %s", (_name, bytes) => {
    it.each(framings)("stores it once, and gives it back (%s)", async (framing) => {
      const data = randomBytes(bytes);
      if (bytes > 0) expectReceipt(await send(registry.port, putOf(data), framing), data, true);
      else await put(data);
      const before = await registry.rowCounts();
      expectReceipt(await send(registry.port, putOf(data), framing), data, false);
      await expectClear(before);
      expect(await (await get(data)).bytes()).toEqual(data);
      expect((await get(data)).headers.get("etag")).toBe(`"${digitsOf(data)}"`);
    });

    it.each(framings)("refuses what hashes to something else (%s)", async (framing) => {
      const [data, other] = [randomBytes(bytes), randomBytes(40)];
      const before = await registry.rowCounts();
      const upload = { ...putOf(data), path: pathOf(other) };
      const response = await send(registry.port, upload, framing);
      expectRefused(response, 422, "hash_mismatch");
      expect(jsonOf(response)["detail"]).toContain(digitsOf(data));
      expect(jsonOf(response)["detail"]).toContain(digitsOf(other));
      await expectClear(before);
      expect((await get(other)).status).toBe(404);
    });
  });

  it("takes the empty blob without a body or a length, as curl -X PUT sends it", async () => {
    const data = new Uint8Array(0);
    const connection = await connectRaw(registry.port);
    await connection.send(`PUT ${pathOf(data)} HTTP/1.1\r\nHost: r\r\n\r\n`);
    expect(jsonOf(await answerOn(connection))).toMatchObject({ hash: digitsOf(data), size: 0 });
  });

  it("takes the digits in any case, and answers in lower case", async () => {
    const data = randomBytes(60);
    const path = `/api/v1/metadata/${digitsOf(data).toUpperCase()}`;
    expectReceipt(await send(registry.port, { ...putOf(data), path }), data, true);
  });

  it.each([
    [32, /PUT needs all 64 .*32/],
    [63, /64/],
    [65, /64/],
  ])("does not take a key of %d digits", async (length, detail) => {
    const path = `/api/v1/metadata/${"0123456789abcdef0".repeat(4).slice(0, length)}`;
    const response = await send(registry.port, { ...putOf(randomBytes(60)), path });
    expectRefused(response, 400, "invalid_key_length");
    expect(jsonOf(response)["detail"]).toMatch(detail);
  });

  it("does not take a key with other digits", async () => {
    const path = `/api/v1/metadata/${"x".repeat(64)}`;
    const response = await send(registry.port, { ...putOf(randomBytes(60)), path });
    expectRefused(response, 400, "invalid_key_digit");
  });

  it("does not take a part of a blob", async () => {
    const data = randomBytes(60);
    const response = await put(data, "Content-Range: bytes 0-59/60");
    expectRefused(response, 400, "partial_upload");
    expect((await get(data)).status).toBe(404);
  });

  it("knows what POST stored, and POST what it stored", async () => {
    const [one, other] = [randomBytes(60), randomBytes(60)];
    await send(registry.port, postOf(one));
    expectReceipt(await put(one), one, false);
    await put(other);
    expect(jsonOf(await send(registry.port, postOf(other)))).toMatchObject({ created: false });
  });

  it("is one row, created once, of many at once", async () => {
    const data = randomBytes(60);
    const answers = await Promise.all(Array.from({ length: 20 }, () => put(data)));
    expect(statusesOf(answers)).toEqual([...Array(19).fill(200), 201]);
    expect(await rowsOf(registry.database, hashing.hash(data))).toHaveLength(1);
  });

  it("goes on with the connection for the next", async () => {
    const connection = await connectRaw(registry.port);
    for (const data of [randomBytes(60), randomBytes(3 * mebibyte), randomBytes(60)]) {
      await connection.send(headOf(putOf(data), data.length));
      await connection.send(data);
      expectReceipt(await connection.response(), data, true);
    }
    connection.destroy();
  });

  it("answers 100 to a client that expects it, then takes the body", async () => {
    const data = randomBytes(60);
    const connection = await connectRaw(registry.port);
    await connection.send(headOf(putOf(data, "Expect: 100-continue", onlyIfNew), data.length));
    expect((await connection.response()).status).toBe(100);
    await connection.send(data);
    expectReceipt(await answerOn(connection), data, true);
  });

  describe("with conditions", () => {
    const unknown = `"${"0".repeat(64)}"`;
    const tagOf = (data: Bytes): string => `"${digitsOf(data)}"`;
    const past = "Sun, 06 Nov 1994 08:49:37 GMT";
    const future = "Fri, 31 Dec 2100 23:59:59 GMT";

    const cases: readonly (readonly [
      field: (data: Bytes) => string,
      whenUnknown: number,
      whenKnown: number,
    ])[] = [
      [() => onlyIfNew, 201, 412],
      [(data) => `If-None-Match: ${tagOf(data)}`, 201, 412],
      [(data) => `If-None-Match: ${unknown}, W/${tagOf(data)}`, 201, 412],
      [() => `If-None-Match: ${unknown}`, 201, 200],
      [() => "If-Match: *", 412, 200],
      [(data) => `If-Match: ${tagOf(data)}`, 412, 200],
      [(data) => `If-Match: W/${tagOf(data)}`, 412, 412],
      [() => `If-Match: ${unknown}`, 412, 412],
      [(data) => `If-Match: ${tagOf(data)}\r\nIf-None-Match: ${unknown}`, 412, 200],
      [() => `If-Unmodified-Since: ${past}`, 201, 412],
      [() => `If-Unmodified-Since: ${future}`, 201, 200],
      [() => `If-Modified-Since: ${future}`, 201, 200], // of reads only
    ];

    it.each(cases)("%p", async (fieldOf, whenUnknown, whenKnown) => {
      for (const bytes of [90, 2.5 * mebibyte]) {
        const data = randomBytes(bytes);
        const first = await put(data, fieldOf(data));
        expect(first.status).toBe(whenUnknown);
        if (first.status === 412) {
          expect(jsonOf(first)["detail"]).toContain("is not here");
          expect((await get(data)).status).toBe(404);
        }
        await put(data);
        const again = await put(data, fieldOf(data));
        expect(again.status).toBe(whenKnown);
        if (again.status === 412) expectRefused(again, 412, "precondition_failed");
        else expectReceipt(again, data, false);
      }
    });

    it("holds them only against what is in order else (RFC 9110 section 13.2.1)", async () => {
      const data = randomBytes(60);
      await put(data);
      const refusals: readonly (readonly [field: string, status: number])[] = [
        ["Content-Encoding: gzip", 415],
        ["Content-Digest: sha-256=?", 400],
        ["Content-Range: bytes 0-59/60", 400],
      ];
      for (const [field, status] of refusals) {
        expect((await put(data, onlyIfNew, field)).status).toBe(status);
      }
      const connection = await connectRaw(registry.port);
      await connection.send(headOf(putOf(data, onlyIfNew), 65 * mebibyte));
      expect((await answerOn(connection)).status).toBe(413);
    });

    it("refuses before the body has come", async () => {
      const data = randomBytes(3 * mebibyte);
      await put(data);
      const connection = await connectRaw(registry.port);
      await connection.send(headOf(putOf(data, onlyIfNew), data.length));
      expectRefused(await answerOn(connection), 412, "precondition_failed");
    });

    it.each(sizes.slice(1))("lets one of two win that race: %s", async (_name, bytes) => {
      for (let round = 0; round < 5; round += 1) {
        const data = randomBytes(bytes);
        const answers = await Promise.all([put(data, onlyIfNew), put(data, onlyIfNew)]);
        expect(statusesOf(answers)).toEqual([201, 412]);
      }
    });

    it.each([
      ["small", 700, () => onlyIfNew],
      ["large", 3 * mebibyte, () => onlyIfNew],
      ["small", 700, (data: Bytes) => `If-None-Match: "${digitsOf(data)}"`],
    ])("tells who comes second that somebody was quicker: %s", async (_name, bytes, fieldOf) => {
      const data = randomBytes(bytes);
      const connection = await connectRaw(registry.port);
      const query = spyOn(registry.database, "query");
      await connection.send(headOf(putOf(data, fieldOf(data)), "chunked"));
      await connection.send(chunkOf(data)); // all but the end of it
      await eventually(() => query.mock.results.length > 0);
      await query.mock.results[0]?.value; // its condition has been looked at
      query.mockRestore();
      if (bytes > mebibyte) await eventually(async () => (await registry.rowCounts()).uploads > 0);
      const before = await registry.rowCounts();
      expectReceipt(await put(data), data, true);
      await connection.send(lastChunk);
      expectRefused(await answerOn(connection), 412, "precondition_failed");
      await eventually(async () => (await registry.rowCounts()).uploads === 0);
      expect((await registry.rowCounts()).blobs).toBe(before.blobs + 1);
    });
  });

  describe("of a blob whose stored bytes are bad", () => {
    it("repairs a row", async () => {
      const data = randomBytes(300);
      await put(data);
      await overwriteRow(registry.database, hashing.hash(data), flipped(data));
      expect((await get(data)).status).toBe(500);
      expectReceipt(await put(data), data, false);
      expect(await (await get(data)).bytes()).toEqual(data);
    });

    it("repairs segments", async () => {
      const data = randomBytes(3 * mebibyte);
      await put(data);
      const upload = await uploadOf(registry.database, hashing.hash(data));
      const text = "UPDATE blob_segments SET data = $1 WHERE upload = $2 AND n = 1";
      await registry.database.query("write", text, [randomBytes(mebibyte), upload]);
      expectReceipt(await put(data), data, false);
      expect(await (await get(data)).bytes()).toEqual(data);
    });

    it.each([[[]], [[onlyIfNew]]])("repairs a row of the Rust registry: %p", async (fields) => {
      const data = randomBytes(300);
      const hash = hashing.hash(data);
      await insertRow(registry.database, shortKey(hash), { data: flipped(data) });
      expect((await get(data)).status).toBe(500);
      // There was something, bad as it was: who wanted to be the first is not.
      expect((await put(data, ...fields)).status).toBe(fields.length === 0 ? 200 : 412);
      expect(await (await get(data)).bytes()).toEqual(data);
      expect(await rowsOf(registry.database, hash)).toHaveLength(1);
    });
  });

  it("knows a blob that the Rust registry keeps under 16 bytes", async () => {
    const data = randomBytes(300);
    await insertRow(registry.database, shortKey(hashing.hash(data)), { data });
    expectReceipt(await put(data), data, false);
    expectReceipt(await put(data, "If-Match: *"), data, false);
    expect((await put(data, onlyIfNew)).status).toBe(412);
    expect(await rowsOf(registry.database, hashing.hash(data))).toHaveLength(1);
  });

  it("is 503 without a database, to be tried again", async () => {
    const out = await start();
    expect(await out.rowCounts()).toEqual(nothingStored);
    await out.database.close();
    for (const [bytes, ...fields] of [[60], [60, onlyIfNew], [3 * mebibyte]] as const) {
      const response = await send(out.port, putOf(randomBytes(bytes), ...fields));
      expectRefused(response, 503, "database_unavailable");
      expect(response.headers["retry-after"]).toBe("1");
    }
    await out.stop();
  });
});
