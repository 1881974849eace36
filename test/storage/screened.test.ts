import { describe, expect, it } from "bun:test";
import type { BlobReader, BlobStore } from "../../src/domain/blob-store.ts";
import { createCounters } from "../../src/domain/counters.ts";
import { createDeniedKeys, type DeniedKeys } from "../../src/domain/denied-keys.ts";
import { batched } from "../../src/storage/batched.ts";
import { cached } from "../../src/storage/cached.ts";
import { screened } from "../../src/storage/screened.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { verified } from "../../src/storage/verified.ts";
import { blobStoreContract } from "../contract/blob-store.ts";
import { hashing, randomBlob, randomLargeBlob, shortKey } from "../support/blobs.ts";
import { twoKinds } from "../support/databases.ts";
import { codeRejectedBy } from "../support/error-code.ts";
import { createRecordingStore } from "../support/recording-store.ts";

for (const { name, isHere, open } of twoKinds) {
  if (!isHere) continue;
  blobStoreContract(`a store in ${name} of which other keys are denied`, async () => {
    const own = await open();
    const kept = verified(createSqlBlobStore(own.database), {
      hashing,
      counters: createCounters(),
    });
    const keys = createDeniedKeys();
    keys.takedowns.add(randomBlob(100).hash);
    const lanes = { readLanes: 2, writeLanes: 2, callMsMax: 3_600_000 };
    return { store: screened(batched(kept, lanes), keys), remove: own.remove };
  });
}

const gone = expect.objectContaining({ code: "taken_down" });

describe("a store with denied keys", () => {
  it("neither asks for them nor answers with anything but refusals, in their places", async () => {
    const { inner, keys, store } = createStore();
    const [a, b, c] = [randomBlob(1), randomBlob(2), randomBlob(3)];
    await store.putMany([a, b, c]);
    keys.takedowns.add(b.hash);
    const asked = [b.hash, a.hash, shortKey(b.hash), c.hash, a.hash];
    const [foundA, foundC] = [a, c].map(({ hash }) => expect.objectContaining({ hash }));
    const expected = [gone, foundA, gone, foundC, foundA];
    expect(await store.readMany(asked)).toEqual(expected);
    expect(await store.statMany(asked)).toEqual(expected);
    inner.calls.length = 0;
    expect(await store.readMany([b.hash])).toEqual([gone]);
    expect(await codeRejectedBy(store.openRead(b.hash))).toBe("taken_down");
    expect(inner.calls).toEqual([]);
  });

  it("looks again at what comes back: 16 bytes may have become a denied blob", async () => {
    const { inner, keys } = createStore();
    const blob = randomBlob(5);
    await inner.putMany([blob]);
    const store = screened(inner, keys);
    const reading = store.readMany([shortKey(blob.hash), blob.hash]);
    keys.takedowns.add(blob.hash); // while the database is asked
    expect(await reading).toEqual([gone, gone]);
  });

  it("stores the others of a batch", async () => {
    const { inner, keys, store } = createStore();
    const [a, b, c] = [randomBlob(1), randomBlob(2), randomBlob(3)];
    keys.takedowns.add(shortKey(b.hash));
    const created = { created: true };
    expect(await store.putMany([a, b, c])).toEqual([created, gone, created]);
    expect(inner.puts).toEqual([a, c]);
    inner.calls.length = 0;
    expect(await store.putMany([b])).toEqual([gone]);
    expect(inner.calls).toEqual([]);
  });

  it("does not commit a large one", async () => {
    const { inner, keys, store } = createStore();
    const { hash, segments } = randomLargeBlob();
    const upload = await store.beginUpload();
    for (const segment of segments) await upload.append(segment);
    keys.takedowns.add(hash);
    expect(await codeRejectedBy(upload.commit(hash))).toBe("taken_down");
    await upload.abort();
    expect([inner.commits, inner.calls.at(-1)]).toEqual([[], "abort done"]);
  });

  it("breaks a download under way off", async () => {
    const { hash, data, segments } = randomLargeBlob();
    const reader: BlobReader = {
      hash,
      bytesTotal: data.length,
      createdAtMs: null,
      offset: 0,
      segments: (async function* pieces() {
        yield* segments;
      })(),
    };
    const keys = createDeniedKeys();
    const store = screened({ ...createRecordingStore(), openRead: async () => reader }, keys);
    const pieces = (await store.openRead(hash))?.segments[Symbol.asyncIterator]();
    expect((await pieces?.next())?.done).toBe(false);
    keys.takedowns.add(hash);
    expect(await codeRejectedBy(Promise.resolve(pieces?.next()))).toBe("taken_down");
  });
});

describe("a cache around it", () => {
  it("forgets what is denied, by any form of key", async () => {
    const { keys, store } = createStore();
    const blobs = [randomBlob(10), randomBlob(11), randomBlob(12)];
    const cache = cached(store, { bytesMax: 1024 * 1024, denied: keys });
    await cache.putMany(blobs);
    await cache.readMany(blobs.map(({ hash }) => hash));
    expect(cache.cache.entries).toBe(3);
    const [a, b, c] = blobs.map(({ hash }) => hash);
    if (a === undefined || b === undefined || c === undefined) throw new Error("there are three");
    for (const key of [a, shortKey(b)]) {
      keys.takedowns.add(key);
      cache.forget(key);
    }
    expect([a, b, c].map((hash) => cache.peek(hash.toHex()) !== null)).toEqual([
      false,
      false,
      true,
    ]);
    expect(await cache.readMany([a, b])).toEqual([gone, gone]);
    expect(await codeRejectedBy(cache.openRead(a))).toBe("taken_down");
  });

  it("does not keep what was denied while it was read", async () => {
    const keys = createDeniedKeys();
    const blob = randomBlob(10);
    const inner = createRecordingStore();
    await inner.putMany([blob]);
    const cache = cached(inner, { bytesMax: 1024 * 1024, denied: keys });
    const reading = cache.readMany([blob.hash]);
    keys.takedowns.add(blob.hash);
    cache.forget(blob.hash);
    await reading;
    expect(cache.cache.entries).toBe(0);
  });

  it("has nothing to forget where there is none", () => {
    const cache = cached(createRecordingStore(), { bytesMax: 0 });
    expect(() => cache.forget(randomBlob(1).hash)).not.toThrow();
  });
});

function createStore(): {
  readonly inner: ReturnType<typeof createRecordingStore>;
  readonly keys: DeniedKeys;
  readonly store: BlobStore;
} {
  const inner = createRecordingStore();
  const keys = createDeniedKeys();
  return { inner, keys, store: screened(inner, keys) };
}
