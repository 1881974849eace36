import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { toHex } from "../../src/domain/bytes.ts";
import { limits } from "../../src/domain/limits.ts";
import { randomBlob, shortKey } from "../support/blobs.ts";
import { flipped, insertRow, overwriteRow, uploadOf } from "../support/damage.ts";
import { largeDamages, smallDamages, swapSegments } from "../support/damages.ts";
import { askRaw, stock, type StockedBlob } from "../support/downloads.ts";
import { connectRaw, rawRequest } from "../support/raw-http.ts";
import { stores, type TestRegistry } from "../support/registry.ts";
import { runVerify } from "../support/verification.ts";

const mebibyte = limits.segmentBytes;
const cdnDomain = "cdn.test";

describe.each(stores)("damage that a registry over %s finds as it reads", (_, start) => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await start({ cdnDomain });
  });
  afterAll(() => registry.stop());

  /** A small blob with a bit turned. */
  async function stockBad(): Promise<StockedBlob> {
    const blob = await stock(registry, 900);
    await overwriteRow(registry.database, blob.hash, flipped(blob.data));
    return blob;
  }

  const asked: readonly (readonly [string, string, Record<string, string>])[] = [
    ["GET", "by the whole hash", {}],
    ["GET", "a range", { Range: "bytes=3-5" }],
    ["GET", "what has changed since", { "If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT" }],
    ["GET", "unless it is another", { "If-None-Match": '"another"' }],
    ["GET", "with its digest", { "Want-Repr-Digest": "sha-256=1" }],
  ];
  it.each([...asked])("%s %s is 500, counted and logged", async (method, _what, fields) => {
    const { hex } = await stockBad();
    const before = registry.counters.blobsCorrupt;
    for (const key of [hex, hex.slice(0, 32)]) {
      const answer = await askRaw(registry.port, { method, key, fields });
      expect(answer.status).toBe(500);
      expect(answer.headers["cache-control"]).toBe("no-store");
      expect(JSON.parse(Buffer.from(answer.body).toString())).toMatchObject({
        code: "corrupt_blob",
      });
    }
    expect(registry.counters.blobsCorrupt).toBe(before + 2);
    const line = registry.lines.findLast(({ level }) => level === "error");
    expect(JSON.stringify(line)).toContain(hex);
  });

  it("by its name as a host is 500 too", async () => {
    const { hex } = await stockBad();
    const host = `${hex.slice(0, 32)}.${cdnDomain}`;
    const answer = await rawRequest(registry.port, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(answer.status).toBe(500);
  });

  it("of a row under 16 bytes is told by HEAD, and counts as missing", async () => {
    const blob = randomBlob(300);
    await insertRow(registry.database, shortKey(blob.hash), { data: flipped(blob.data) });
    const key = toHex(blob.hash);
    expect((await askRaw(registry.port, { method: "HEAD", key })).status).toBe(500);
    const body = JSON.stringify({ hashes: [key] });
    const headers = { "Content-Type": "application/json" };
    const asking = await fetch(`${registry.api}/exists`, { method: "POST", body, headers });
    expect(await asking.json()).toEqual({ missing: [key] });
    await stock(registry, blob.data);
    expect((await askRaw(registry.port, { key })).status).toBe(200);
  });

  it("is not told by HEAD of a row under its whole hash, of which no byte is read", async () => {
    const { hex } = await stockBad();
    expect((await askRaw(registry.port, { method: "HEAD", key: hex })).status).toBe(200);
  });

  const damages = largeDamages.filter(({ isServed }) => isServed !== true);
  it.each([...damages])("never ends an answer well: $name", async ({ do: damage }) => {
    for (const size of [3 * mebibyte - 7, 9 * mebibyte]) {
      const blob = await stock(registry, size);
      await damage(registry.database, { ...blob, hash: blob.hash as never, segments: [] });
      const connection = await connectRaw(registry.port);
      await connection.send(`GET /api/v1/metadata/${blob.hex} HTTP/1.1\r\nHost: r\r\n\r\n`);
      const answer = await connection.response();
      if (answer.status === 200) {
        expect(answer.isComplete).toBe(false);
        expect(await connection.ended).toBe("reset");
        // All of it, if the row notes more than there is: yet not as a whole.
        expect(answer.body.length).toBeLessThanOrEqual(size);
      } else {
        expect(answer.status).toBe(500);
      }
      connection.destroy();
      const { data } = await stock(registry, blob.data);
      const healed = await fetch(`${registry.api}/${blob.hex}`);
      expect(Buffer.compare(await healed.bytes(), data)).toBe(0);
    }
  });

  it.each([...smallDamages])("is 500 or 404 until an upload heals it: $name", async (damage) => {
    const blob = await stock(registry, 4000);
    await damage.do(registry.database, { hash: blob.hash as never, data: blob.data });
    expect((await fetch(`${registry.api}/${blob.hex}`)).status).toBe(500);
    await stock(registry, blob.data);
    const healed = await fetch(`${registry.api}/${blob.hex}`);
    expect(Buffer.compare(await healed.bytes(), blob.data)).toBe(0);
  });

  it("is not found in a part of a blob with segments swapped: our limit", async () => {
    const blob = await stock(registry, 9 * mebibyte);
    await swapSegments(registry.database, await uploadOf(registry.database, blob.hash));
    const part = await askRaw(registry.port, { key: blob.hex, fields: { Range: "bytes=0-9" } });
    expect(part.status).toBe(206); // docs/integrity.md, "What it does not see"
    const last = { Range: `bytes=${8 * mebibyte}-` };
    expect((await askRaw(registry.port, { key: blob.hex, fields: last })).status).toBe(206);
    expect((await askRaw(registry.port, { key: blob.hex })).isComplete).toBe(false);
    expect((await runVerify(registry.database)).told.join()).toContain(blob.hex);
  });
});

describe.each(stores)("a registry over %s with a cache", (_, start) => {
  it("gives the good bytes that it has, and an upload after quarantine stores them", async () => {
    const registry = await start({ cacheBytesMax: 16 * mebibyte });
    const blob = await stock(registry, 900);
    await (await fetch(`${registry.api}/${blob.hex}`)).bytes();
    await overwriteRow(registry.database, blob.hash, flipped(blob.data));
    expect((await fetch(`${registry.api}/${blob.hex}`)).status).toBe(200);
    const { report } = await runVerify(registry.database, { isQuarantining: true });
    expect(report).toMatchObject({ bad: 1, quarantined: 1 });
    const form = new FormData();
    form.set("data", new Blob([blob.data]));
    const upload = await fetch(registry.api, { method: "POST", body: form });
    expect(await upload.json()).toMatchObject({ created: true });
    expect((await runVerify(registry.database)).report).toMatchObject({ rows: 1, bad: 0 });
    await registry.stop();
  });
});
