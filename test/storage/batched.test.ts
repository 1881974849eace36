import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import type { BlobStore } from "../../src/domain/blob-store.ts";
import { createCounters } from "../../src/domain/counters.ts";
import { RegistryError } from "../../src/domain/errors.ts";
import { limits } from "../../src/domain/limits.ts";
import { batched } from "../../src/storage/batched.ts";
import { cached } from "../../src/storage/cached.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { verified } from "../../src/storage/verified.ts";
import { blobStoreContract } from "../contract/blob-store.ts";
import { hashing, randomBlob, shortKey } from "../support/blobs.ts";
import { twoKinds, type OwnDatabase } from "../support/databases.ts";
import { codeRejectedBy } from "../support/error-code.ts";
import { createRecordingStore } from "../support/recording-store.ts";
import { eventually } from "../support/registry.ts";

const lanes = { readLanes: 2, writeLanes: 2, callMsMax: 3_600_000 };

function openWhole({ database }: OwnDatabase): BlobStore {
  const counters = createCounters();
  const kept = verified(createSqlBlobStore(database), { hashing, counters });
  return cached(batched(kept, lanes), { bytesMax: 1024 * 1024 });
}

for (const { name, isHere, open } of twoKinds) {
  if (!isHere) continue;
  blobStoreContract(`a cached, batched, verified store in ${name}`, async () => {
    const own = await open();
    return { store: openWhole(own), remove: own.remove };
  });

  describe(`many at once in ${name}`, () => {
    let own: OwnDatabase;
    let store: BlobStore;
    beforeAll(async () => {
      own = await open();
      store = openWhole(own);
    });
    afterAll(async () => await own.remove());

    it("stores one blob of 200 uploads of it, and says so once", async () => {
      const blob = randomBlob(500);
      const receipts = await Promise.all(
        Array.from({ length: 200 }, async () => (await store.putMany([blob]))[0]),
      );
      const created = receipts.filter((receipt) => isCreated(receipt));
      expect(created).toHaveLength(1);
      const rows = await own.database.query("read", "SELECT 1 FROM blobs WHERE hash = $1", [
        blob.hash,
      ]);
      expect(rows).toHaveLength(1);
    });

    it("finds every blob, by both keys, as soon as its upload is answered", async () => {
      await Promise.all(
        Array.from({ length: 300 }, async (_, number) => {
          const blob = randomBlob(100 + number);
          const key = number % 2 === 0 ? blob.hash : shortKey(blob.hash);
          // Reads before and during the upload must not make those after it find nothing.
          const before = [store.readMany([key]), store.readMany([key])];
          await store.putMany([blob]);
          expect(await store.readMany([key])).toMatchObject([{ data: blob.data }]);
          await Promise.all(before);
        }),
      );
    });
  });
}

describe("batched", () => {
  it("makes one insert of uploads that come together", async () => {
    const inner = createRecordingStore();
    const store = batched(inner, { ...lanes, writeLanes: 1 });
    const puts = Array.from({ length: 65 }, async () => await store.putMany([randomBlob(10)]));
    await Promise.all(puts);
    expect(inner.calls.filter((call) => call === "putMany")).toHaveLength(1);
    expect(inner.puts).toHaveLength(65);
  });

  it("makes one query of reads that come together", async () => {
    const inner = createRecordingStore();
    const store = batched(inner, { ...lanes, readLanes: 1 });
    const hashes = Array.from({ length: 33 }, () => randomBlob(9).hash);
    const reads = hashes.map(async (hash) => await store.readMany([hash]));
    const stats = hashes.map(async (hash) => await store.statMany([hash]));
    await Promise.all([...reads, ...stats]);
    expect(inner.calls.filter((call) => call === "readMany")).toHaveLength(1);
    expect(inner.calls.filter((call) => call === "statMany")).toHaveLength(1);
  });

  it("tells each of several of its own failure", async () => {
    const inner = createRecordingStore({ answer: new RegistryError("corrupt_blob", "bad") });
    const found = await batched(inner, lanes).readMany([randomBlob(31).hash, randomBlob(32).hash]);
    expect(found).toMatchObject([{ code: "corrupt_blob" }, { code: "corrupt_blob" }]);
  });

  it.each([1, 2])("tells of bad bytes as of a blob, not of the call (%d keys)", async (count) => {
    const inner = createRecordingStore({ answer: new RegistryError("corrupt_blob", "bad") });
    const store = batched(inner, lanes);
    const hashes = Array.from({ length: count }, () => randomBlob(9).hash);
    const bad = hashes.map(() => ({ code: "corrupt_blob" }));
    expect(await store.readMany(hashes)).toMatchObject(bad);
    expect(await store.statMany(hashes)).toMatchObject(bad);
  });

  it.each([1, 2])("fails as its store does (%d keys)", async (count) => {
    const out = new RegistryError("database_unavailable", "out");
    const inner = createRecordingStore({ before: async () => await Promise.reject(out) });
    const store = batched(inner, lanes);
    const hashes = Array.from({ length: count }, () => randomBlob(9).hash);
    expect(await codeRejectedBy(store.readMany(hashes))).toBe(out.code);
    expect(await codeRejectedBy(store.statMany(hashes))).toBe(out.code);
  });

  it("closes once all that was begun is done", async () => {
    const gate = Promise.withResolvers<void>();
    const inner = createRecordingStore({
      before: async (call) => await (call === "putMany" ? gate.promise : Promise.resolve()),
    });
    const store = batched(inner, { ...lanes, writeLanes: 1 });
    const puts = [store.putMany([randomBlob(31)]), store.putMany([randomBlob(32)])];
    const closed = store.close();
    expect(inner.calls).not.toContain("close");
    gate.resolve();
    await Promise.all([...puts, closed]);
    expect(inner.puts).toHaveLength(2);
    expect(inner.calls.at(-1)).toStartWith("close");
  });
});

describe("questions about many keys", () => {
  const list = (count: number) => Array.from({ length: count }, () => randomBlob(9).hash);

  it("are a query each, however many the keys are", async () => {
    const asked: number[] = [];
    const recording = createRecordingStore();
    const store = batched(
      {
        ...recording,
        statMany: async (keys) => {
          asked.push(keys.length);
          return await recording.statMany(keys);
        },
      },
      { ...lanes, readLanes: 1 },
    );
    const counts = [2, limits.keyListMax, limits.readBatchKeysMax + 1, 0];
    const answers = await Promise.all(counts.map(async (n) => await store.statMany(list(n))));
    expect(answers.map(({ length }) => length)).toEqual(counts);
    expect(asked).toEqual(counts);
  });

  it("wait for each other in a queue with an end, while single keys go on", async () => {
    const gate = Promise.withResolvers<void>();
    let lists = 0;
    const recording = createRecordingStore();
    const inner: BlobStore = {
      ...recording,
      statMany: async (keys) => {
        if (keys.length > 1) lists += 1;
        if (keys.length > 1) await gate.promise;
        return await recording.statMany(keys);
      },
    };
    const store = batched(inner, lanes);
    const running = [store.statMany(list(2)), store.statMany(list(2))];
    await eventually(() => lists === lanes.readLanes);
    const waiting = Array.from({ length: limits.keyListQueueMax }, async () => {
      return await store.statMany(list(2));
    });
    expect(await codeRejectedBy(store.statMany(list(2)))).toBe("overloaded");
    expect(await store.statMany(list(1))).toEqual([null]);
    expect(lists).toBe(lanes.readLanes);
    const closed = store.close();
    gate.resolve();
    for (const answer of await Promise.all([...running, ...waiting])) {
      expect(answer).toEqual([null, null]);
    }
    await closed;
    expect(recording.calls.at(-1)).toBe("close done");
    expect(recording.calls.at(-2)).toBe("close");
  });

  it("have as long as a call for one blob", async () => {
    const { promise: never } = Promise.withResolvers<void>();
    const inner = createRecordingStore({ before: async () => await never });
    const store = batched(inner, { ...lanes, callMsMax: 20 });
    expect(await codeRejectedBy(store.statMany(list(3)))).toBe("database_timeout");
  });
});

function isCreated(receipt: unknown): boolean {
  return (receipt as { readonly created?: unknown }).created === true;
}
