import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import type { BlobStore, Segment } from "../../src/domain/blob-store.ts";
import { toHex } from "../../src/domain/bytes.ts";
import { createBudget } from "../../src/domain/budget.ts";
import { createCounters } from "../../src/domain/counters.ts";
import { createRegistry } from "../../src/domain/registry.ts";
import { createHandlers } from "../../src/http/handlers.ts";
import { createSending } from "../../src/http/sending.ts";
import { createLog } from "../../src/ops/log.ts";
import { hashing, randomBlob } from "../support/blobs.ts";
import { uploaderBody, utf8 } from "../support/form.ts";
import { createRecordingStore } from "../support/recording-store.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { withoutNames } from "../support/destinations.ts";

const mebibyte = 1024 * 1024;
const unknown = "0123456789abcdef".repeat(4);

describe("the counters", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry();
  });
  afterAll(() => registry.stop());

  function post(text: string): Promise<Response> {
    const { body, contentType } = uploaderBody(utf8(text));
    return fetch(registry.api, { method: "POST", body, headers: { "Content-Type": contentType } });
  }

  it("count every answer by its status", async () => {
    const ask = (path: string, method = "GET") => fetch(`${registry.url}${path}`, { method });
    await ask("/healthz");
    await ask("/readyz", "HEAD");
    await ask("/swagger/json");
    await ask(`/api/v1/metadata/${unknown}`);
    await ask(`/api/v1/metadata/${unknown}`, "HEAD");
    await ask("/nowhere");
    await ask("/api/v1/metadata/xyz");
    await ask("/api/v1/metadata", "DELETE");
    await ask("/api/v1/metadata", "OPTIONS");
    await ask("/api/v1/metadata", "POST");
    expect(registry.counters.responses).toEqual({
      200: 3,
      204: 1,
      400: 1,
      404: 3,
      405: 1,
      415: 1,
    });
  });

  it("count blobs stored, and uploads of blobs that were there", async () => {
    await post("first");
    await post("second");
    await post("first");
    expect(registry.counters).toMatchObject({ blobsCreated: 2, blobsKnown: 1, bytesReceived: 16 });
  });

  it("count one blob created, of uploads that come at once", async () => {
    const { blobsCreated, blobsKnown } = registry.counters;
    const answers = await Promise.all(Array.from({ length: 20 }, () => post("at once")));
    const receipts = await Promise.all(answers.map((answer) => answer.json()));
    const created = receipts.filter((receipt) => (receipt as { created: boolean }).created);
    expect(created.length).toBe(1);
    expect(registry.counters.blobsCreated).toBe(blobsCreated + 1);
    expect(registry.counters.blobsKnown).toBe(blobsKnown + 19);
  });

  it("count what conditions and ranges come to", async () => {
    const { hash } = (await (await post("a part of this")).json()) as { hash: string };
    const before = { ...registry.counters.responses };
    for (const headers of [
      { "If-None-Match": `"${hash}"` },
      { "If-Match": '"x"' },
      { Range: "bytes=0-2" },
      { Range: "bytes=99-" },
    ]) {
      await (await fetch(`${registry.api}/${hash}`, { headers })).bytes();
    }
    for (const status of [206, 304, 412, 416]) {
      expect(registry.counters.responses[status]).toBe((before[status] ?? 0) + 1);
    }
  });

  it("count the bytes sent, not those that HEAD spares", async () => {
    const { hash } = (await (await post("sent")).json()) as { hash: string };
    const before = registry.counters.bytesSent;
    await (await fetch(`${registry.api}/${hash}`)).bytes();
    await fetch(`${registry.api}/${hash}`, { method: "HEAD" });
    await fetch(`${registry.api}/${hash}`, { headers: { "If-None-Match": "*" } });
    expect(registry.counters.bytesSent - before).toBe(4);
    await (await fetch(`${registry.api}/${hash}`, { headers: { Range: "bytes=1-2" } })).bytes();
    expect(registry.counters.bytesSent - before).toBe(6);
  });
});

describe("a download of several steps from a slow database", () => {
  const { hash, data } = randomBlob(100);
  const never = new Promise<never>(() => {});

  function load(store: BlobStore, headers: Readonly<Record<string, string>> = {}) {
    const counters = createCounters();
    const blobBytesMax = 64 * mebibyte;
    const cache = { peek: () => null };
    const budget = createBudget({ bytesMax: blobBytesMax });
    const handlers = createHandlers({
      registry: createRegistry({ store, cache, hashing, counters, blobBytesMax }),
      checks: async () => ({}),
      counters,
      log: createLog({ level: "debug", format: "json", write: () => {} }),
      budget,
      sending: createSending({ budget, isUnderWay: () => false }),
      blobBytesMax,
      workMsMax: 20,
      destinations: withoutNames,
      uploadOrigins: new Set(),
    });
    const digits = toHex(hash);
    return handlers.loadMetadata(new Request("http://r/", { headers }), digits);
  }

  it("is refused once the time for all of them is over", async () => {
    const store = createRecordingStore({
      before: async (call) => await (call === "readMany" ? never : undefined),
    });
    await store.putMany([{ hash, data }]);
    const response = await load(store, { "If-None-Match": '"another"' });
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: "database_timeout" });
    expect(store.calls).toContain("statMany done");
  });

  it("gives back what comes too late", async () => {
    const stat = { hash, bytesTotal: 12 * mebibyte, createdAtMs: null };
    const opening = Promise.withResolvers<void>();
    const { promise: isGivenBack, resolve: giveBack } = Promise.withResolvers<void>();
    async function* segments(): AsyncGenerator<Segment> {
      try {
        for (;;) yield { hash, data: new Uint8Array(mebibyte) };
      } finally {
        giveBack();
      }
    }
    const store: BlobStore = {
      ...createRecordingStore(),
      readMany: async () => [{ ...stat, data: null }],
      async openRead() {
        await opening.promise;
        return { ...stat, offset: 0, segments: segments() };
      },
    };
    expect((await load(store)).status).toBe(503);
    opening.resolve();
    await isGivenBack;
  });
});
