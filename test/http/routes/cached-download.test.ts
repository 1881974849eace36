import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { toHex } from "../../../src/domain/bytes.ts";
import { createCounters } from "../../../src/domain/counters.ts";
import { createCachedDownload } from "../../../src/http/routes/cached-download.ts";
import { cached } from "../../../src/storage/cached.ts";
import { withoutNames } from "../../support/destinations.ts";
import { randomBlob } from "../../support/blobs.ts";
import { askRaw, recordStatements, stock, type StockedBlob } from "../../support/downloads.ts";
import { createRecordingStore } from "../../support/recording-store.ts";
import { stores, type TestRegistry } from "../../support/registry.ts";

const mebibyte = 1024 * 1024;

/** Fields for which a whole blob is no answer, or not all of it. */
const more: readonly Readonly<Record<string, string>>[] = [
  { "If-None-Match": '"x"' },
  { "If-Match": "*" },
  { "If-Modified-Since": "0" },
  { "If-Unmodified-Since": "0" },
  { Range: "bytes=0-0" },
  { "Want-Repr-Digest": "sha-256=1" },
];

describe.each(stores)("GET of a cached blob (%s)", (_, start) => {
  let registry: TestRegistry;
  let blob: StockedBlob;
  beforeAll(async () => {
    registry = await start({ cacheBytesMax: 64 * mebibyte });
    blob = await stock(registry, 600);
  });
  afterAll(() => registry.stop());

  const get = async (path: string, init: RequestInit = {}): Promise<Response> =>
    await fetch(`${registry.url}${path}`, init);

  it("is field for field what it was when it came from the database, every time", async () => {
    for (const size of [0, 1, 600, 2 * mebibyte]) {
      const { hex, data } = await stock(registry, size);
      const { date: _fresh, ...fresh } = (await askRaw(registry.port, { key: hex })).headers;
      using recording = recordStatements(registry);
      for (const key of [hex, hex.slice(0, 32), hex]) {
        const { status, headers, body } = await askRaw(registry.port, { key });
        const { date: _again, ...again } = headers;
        expect(status).toBe(200);
        expect(Buffer.compare(body, data)).toBe(0);
        expect(again).toEqual(fresh);
        // In the same order, too: no field comes from elsewhere.
        expect(Object.keys(again)).toEqual(Object.keys(fresh));
      }
      expect(recording.statements()).toEqual([]);
    }
  });

  it("needs no database for its conditions, parts and digests either", async () => {
    for (const { hex, data } of [blob, await stock(registry, 2 * mebibyte)]) {
      await (await get(`/api/v1/metadata/${hex}`)).bytes();
      using recording = recordStatements(registry);
      const ask = async (fields: Readonly<Record<string, string>>) =>
        await askRaw(registry.port, { key: hex, fields, isBodiless: "If-None-Match" in fields });
      expect((await ask({ "If-None-Match": `"${hex}"` })).status).toBe(304);
      expect((await ask({ "If-Match": '"x"' })).status).toBe(412);
      const part = await ask({ Range: "bytes=100-199" });
      expect(part.status).toBe(206);
      expect(Buffer.compare(part.body, data.subarray(100, 200))).toBe(0);
      const whole = await ask({ "Want-Repr-Digest": "sha-512=1" });
      expect(whole.headers["repr-digest"]).toStartWith("sha-512=:");
      expect(Buffer.compare(whole.body, data)).toBe(0);
      expect(recording.statements()).toEqual([]);
    }
  });

  it("is found by any case of digits, and with a query", async () => {
    for (const path of [blob.hex.toUpperCase(), `${blob.hex.slice(0, 32)}?key=00`]) {
      expect(await (await get(`/api/v1/metadata/${path}`)).bytes()).toEqual(blob.data);
    }
  });

  it("is not an answer to anything else", async () => {
    const { hex } = blob;
    await get(`/api/v1/metadata/${hex}`);
    const head = await get(`/api/v1/metadata/${hex}`, { method: "HEAD" });
    expect(head.headers.get("content-length")).toBe("600");
    expect((await get(`/api/v1/metadata/${hex}`, { method: "POST" })).status).toBe(405);
    expect((await get(`/api/v1/metadata/${hex}/`)).status).toBe(404);
    expect((await get(`/x/api/v1/metadata/${hex}`)).status).toBe(404);
    expect((await get(`/api/v1/metadata/${hex.slice(0, 33)}`)).status).toBe(400);
    const sameBeginning = `${hex.slice(0, 32)}${"0".repeat(32)}`;
    expect((await get(`/api/v1/metadata/${sameBeginning}`)).status).toBe(404);
  });

  it("is counted", async () => {
    const before = { ...registry.counters, ok: registry.counters.responses[200] ?? 0 };
    await (await get(`/api/v1/metadata/${blob.hex}`)).bytes();
    expect(registry.counters.bytesSent - before.bytesSent).toBe(600);
    expect((registry.counters.responses[200] ?? 0) - before.ok).toBe(1);
  });

  it("comes whole to many at once", async () => {
    const path = `/api/v1/metadata/${blob.hex}`;
    const bodies = await Promise.all(
      Array.from({ length: 200 }, async () => await (await get(path)).bytes()),
    );
    expect(bodies.every((body) => Buffer.compare(body, blob.data) === 0)).toBe(true);
  });
});

describe("createCachedDownload", () => {
  async function open() {
    const inner = createRecordingStore();
    const blob = randomBlob(10);
    await inner.putMany([blob]);
    const registry = cached(inner, { bytesMax: mebibyte });
    const cachedDownload = createCachedDownload({
      registry,
      sending: { tryCharge: () => true },
      counters: createCounters(),
      destinations: withoutNames,
    });
    const ask = (init?: RequestInit) =>
      cachedDownload(new Request(`http://r/api/v1/metadata/${toHex(blob.hash)}`, init));
    return { registry, blob, ask };
  }

  it("answers at once what is at hand, and leaves the rest to the routes", async () => {
    const { registry, blob, ask } = await open();
    expect(ask()).toBeNull();
    await registry.readMany([blob.hash]);
    const response = ask();
    expect(response).toBeInstanceOf(Response);
    expect(await response?.bytes()).toEqual(blob.data);
    expect(ask({ method: "HEAD" })).toBeNull();
    expect(ask({ method: "PUT" })).toBeNull();
  });

  it.each(more)("steps aside for %j", async (headers) => {
    const { registry, blob, ask } = await open();
    await registry.readMany([blob.hash]);
    expect(ask({ headers })).toBeNull();
    expect(ask({ headers: { "If-Range": '"x"', Accept: "*/*" } })).toBeInstanceOf(Response);
  });
});
