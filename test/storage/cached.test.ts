import { afterEach, describe, expect, it, setSystemTime } from "bun:test";
import { toHex } from "../../src/domain/bytes.ts";
import type { BlobStore } from "../../src/domain/blob-store.ts";
import { RegistryError } from "../../src/domain/errors.ts";
import { cached } from "../../src/storage/cached.ts";
import { randomBlob, shortKey } from "../support/blobs.ts";
import { createRecordingStore, type RecordingStore } from "../support/recording-store.ts";

const mebibyte = 1024 * 1024;

/** A cache around a store that holds one blob; `reads` counts the calls that reached the store. */
async function openWithBlob(bytesMax = mebibyte) {
  const inner = createRecordingStore();
  const blob = randomBlob(600);
  await inner.putMany([blob]);
  const store = cached(inner, { bytesMax });
  const reads = (): number => inner.calls.filter((call) => call === "readMany").length;
  return { store, inner, blob, reads };
}

describe("cached", () => {
  it("asks for a blob once, and gives it by both keys from then on", async () => {
    const { store, blob, reads } = await openWithBlob();
    const [first] = await store.readMany([shortKey(blob.hash)]);
    expect(first).toMatchObject({ hash: blob.hash, data: blob.data });
    const again = await store.readMany([blob.hash, shortKey(blob.hash)]);
    expect(again).toMatchObject([{ data: blob.data }, { data: blob.data }]);
    expect(reads()).toBe(1);
  });

  it("gives at once what it has, by 64 or 32 digits, and nothing else", async () => {
    const { store, blob } = await openWithBlob();
    const digits = toHex(blob.hash);
    expect(store.peek(digits)).toBeNull();
    await store.readMany([blob.hash]);
    expect(store.peek(digits)?.data).toEqual(blob.data);
    expect(store.peek(digits.slice(0, 32))?.data).toEqual(blob.data);
    const sameBeginning = `${digits.slice(0, 32)}${"0".repeat(32)}`;
    expect(store.peek(sameBeginning)).toBeNull();
  });

  it("does not remember that a blob is absent", async () => {
    const { store, inner } = await openWithBlob();
    const later = randomBlob(10);
    expect(await store.readMany([later.hash])).toEqual([null]);
    await inner.putMany([later]); // as another registry on the same database would
    expect(await store.readMany([later.hash])).toMatchObject([{ data: later.data }]);
  });

  it("asks for those alone that it has not, and answers in order", async () => {
    const { store, inner, blob } = await openWithBlob();
    const other = randomBlob(20);
    await inner.putMany([other]);
    await store.readMany([blob.hash]);
    const absent = randomBlob(31);
    const found = await store.readMany([absent.hash, blob.hash, other.hash]);
    expect(found).toMatchObject([null, { data: blob.data }, { data: other.data }]);
  });

  it("keeps no failure", async () => {
    const failing = createRecordingStore({ answer: new RegistryError("corrupt_blob", "bad") });
    const store = cached(failing, { bytesMax: mebibyte });
    const { hash } = randomBlob(10);
    await store.readMany([hash]);
    await store.readMany([hash]);
    expect(failing.calls.filter((call) => call === "readMany")).toHaveLength(2);
  });

  it("stats and opens from what it has", async () => {
    const { store, inner, blob } = await openWithBlob();
    await store.readMany([blob.hash]);
    const callsBefore = inner.calls.length;
    expect(await store.statMany([blob.hash])).toMatchObject([{ bytesTotal: 600 }]);
    const reader = await store.openRead(shortKey(blob.hash));
    expect(await Array.fromAsync(reader?.segments ?? [])).toMatchObject([{ data: blob.data }]);
    expect(inner.calls).toHaveLength(callsBefore);
  });

  it("says of an upload it knows that what is stored is good, and asks all the same", async () => {
    const { store, inner, blob } = await openWithBlob();
    await store.readMany([blob.hash]);
    await store.putMany([blob, randomBlob(5)]);
    expect(inner.puts.slice(-2).map(({ isKnownGood }) => isKnownGood)).toEqual([true, undefined]);
  });

  it("keeps nothing when its size is 0", async () => {
    const { store, blob, reads } = await openWithBlob(0);
    await store.readMany([blob.hash]);
    await store.readMany([blob.hash]);
    expect(reads()).toBe(2);
    expect(store.peek(toHex(blob.hash))).toBeNull();
  });

  it("holds to its bytes", async () => {
    const inner = createRecordingStore();
    const store = cached(inner, { bytesMax: mebibyte });
    for (let count = 0; count < 400; count += 1) {
      const blob = randomBlob(10_000);
      await inner.putMany([blob]);
      await store.readMany([blob.hash]);
      expect(store.cache.bytes).toBeLessThanOrEqual(mebibyte);
    }
    expect(store.cache.entries).toBeGreaterThan(50);
  });
});

describe("a cached blob tells when it was stored", () => {
  const now = Date.UTC(2026, 1, 3, 4, 5, 6, 789);
  afterEach(() => {
    setSystemTime();
  });

  /** A cache around a store whose blob is of a certain time, which it has not been asked for. */
  async function openDated(createdAtMs: number | null) {
    setSystemTime(now);
    const inner = createRecordingStore();
    const blob = randomBlob(10);
    await inner.putMany([blob]);
    const store = cached(dated(inner, createdAtMs), { bytesMax: mebibyte });
    return { store, blob, digits: toHex(blob.hash) };
  }

  it.each([
    ["in whole seconds", now - 60_000, "Tue, 03 Feb 2026 04:04:06 GMT"],
    ["unless nobody noted it", null, null],
  ])("%s", async (_, createdAtMs, lastModified) => {
    const { store, blob, digits } = await openDated(createdAtMs);
    expect(await store.readMany([blob.hash])).toMatchObject([{ createdAtMs }]);
    expect(store.peek(digits)).toMatchObject({ createdAtMs, lastModified });
  });

  it("as it did at first, when the clock of the database is ahead", async () => {
    const { store, blob, digits } = await openDated(now + 60_000);
    const kept = { createdAtMs: now };
    expect(await store.readMany([blob.hash])).toMatchObject([kept]);
    setSystemTime(now + 3000);
    expect(await store.readMany([blob.hash])).toMatchObject([kept]);
    expect(await store.statMany([blob.hash])).toMatchObject([kept]);
    const lastModified = "Tue, 03 Feb 2026 04:05:06 GMT";
    expect(store.peek(digits)).toMatchObject({ ...kept, lastModified });
  });
});

function dated(inner: RecordingStore, createdAtMs: number | null): BlobStore {
  return {
    ...inner,
    async readMany(keys) {
      const read = await inner.readMany(keys);
      return read.map((blob) =>
        blob === null || blob instanceof RegistryError ? blob : { ...blob, createdAtMs },
      );
    },
  };
}

describe("the counts of a cache", () => {
  it("have one miss for a read that was looked for at hand before", async () => {
    const { store, blob } = await openWithBlob();
    const digits = toHex(blob.hash);
    for (let turn = 0; turn < 3; turn += 1) {
      if (store.peek(digits) === null) await store.readMany([blob.hash]);
    }
    expect(store.cache).toMatchObject({ hits: 2, misses: 1 });
  });

  it("leave uploads out", async () => {
    const { store, blob } = await openWithBlob();
    await store.readMany([blob.hash]);
    const { hits, misses } = store.cache;
    await store.putMany([blob, randomBlob(10)]);
    expect(store.cache).toMatchObject({ hits, misses });
  });
});
