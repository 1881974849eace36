import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import fc from "fast-check";
import type { BlobStat, BlobStore, NewBlob } from "../../src/domain/blob-store.ts";
import { bytesEqual } from "../../src/domain/bytes.ts";
import { RegistryError } from "../../src/domain/errors.ts";
import { limits } from "../../src/domain/limits.ts";
import {
  bytesOf,
  type LargeBlob,
  randomBlob,
  randomLargeBlob,
  segmentsOf,
  shortKey,
  toBlob,
  uploadLarge,
} from "../support/blobs.ts";
import { codeRejectedBy } from "../support/error-code.ts";

/** A store to be tested, new and empty. */
export interface StoreUnderTest {
  readonly store: BlobStore;
  /** Closes the store and removes what it kept. */
  remove(): Promise<void>;
}

/** The promises of the face of every store, and of every skin around one. */
export function blobStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(name, () => {
    let opened: StoreUnderTest;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(async () => {
      await opened.remove();
    });
    const store = (): BlobStore => opened.store;

    describe("keeps small blobs", () => smallBlobs(store));
    describe("answers in the order of the question", () => manyAtOnce(store));
    describe("opens blobs for reading", () => reading(store));
    describe("takes large blobs in segments", () => uploading(store));
    describe("serves many at the same time", () => concurrency(store));

    it("fails with a RegistryError once it is closed", async () => {
      const { store: closed, remove } = await open();
      const blob = randomBlob(10);
      await closed.putMany([blob]);
      await remove();
      expect(await codeRejectedBy(closed.readMany([blob.hash]))).toBe("database_unavailable");
      expect(await codeRejectedBy(closed.statMany([blob.hash]))).toBe("database_unavailable");
      expect(await codeRejectedBy(closed.putMany([blob]))).toBe("database_unavailable");
      expect(await codeRejectedBy(closed.beginUpload())).toBe("database_unavailable");
    });
  });
}

// --- internal ---

type StoreOf = () => BlobStore;

function smallBlobs(store: StoreOf): void {
  it.each([0, 1, 16, limits.inlineBlobBytesMax])("gives back %d bytes", async (bytesTotal) => {
    await expectKept(store(), randomBlob(bytesTotal));
  });

  it("gives back bytes of any size and value", async () => {
    const data = fc.uint8Array({ minLength: 0, maxLength: 5000 });
    await fc.assert(
      fc.asyncProperty(data, async (bytes) => {
        await expectKept(store(), toBlob(new Uint8Array(bytes)));
      }),
      { numRuns: 30 },
    );
  });

  it("says of an unknown key, in either form, that there is nothing", async () => {
    const { hash } = randomBlob(20);
    expect(await store().readMany([hash, shortKey(hash)])).toEqual([null, null]);
    expect(await store().statMany([hash, shortKey(hash)])).toEqual([null, null]);
    expect(await store().openRead(hash)).toBeNull();
  });

  it("does not mistake a hash for another with the same first 16 bytes", async () => {
    const blob = randomBlob(20);
    await store().putMany([blob]);
    const other = blob.hash.slice() as typeof blob.hash;
    other[31] = (other[31] ?? 0) ^ 1;
    expect(await store().readMany([other])).toEqual([null]);
    expect(await store().openRead(other)).toBeNull();
  });

  it("notes when a blob was first stored, and keeps to it", async () => {
    const blob = randomBlob(20);
    await store().putMany([blob]);
    const first = statOf((await store().statMany([blob.hash]))[0]);
    await store().putMany([blob]);
    expect(statOf((await store().statMany([blob.hash]))[0])).toEqual(first);
    expect(Math.abs((first.createdAtMs ?? 0) - Date.now())).toBeLessThan(3_600_000);
  });
}

function manyAtOnce(store: StoreOf): void {
  it.each([1, 2, 3, 5, 130])("of %d keys, hits, misses and repetitions mixed", async (count) => {
    const blobs = Array.from({ length: count }, (_, n) => randomBlob(n));
    await store().putMany(blobs.filter((_, n) => n % 3 !== 2));
    const asked = blobs.map((blob, n) => (n % 5 === 4 ? (blobs[0] ?? blob) : blob));
    const keys = asked.map(({ hash }, n) => (n % 2 === 1 ? shortKey(hash) : hash));

    const read = await store().readMany(keys);
    const expected = asked.map((blob) => (blobs.indexOf(blob) % 3 === 2 ? null : blob));
    expect(read.map((blob) => (blob === null ? null : toPlain(blob)))).toEqual(expected);

    const stats = read.map((blob) => (blob === null ? null : statOf(blob)));
    expect((await store().statMany(keys)).map((stat) => stat && statOf(stat))).toEqual(stats);
  });

  it("of none", async () => {
    expect(await store().readMany([])).toEqual([]);
    expect(await store().statMany([])).toEqual([]);
    expect(await store().putMany([])).toEqual([]);
  });

  it.each([1, 2, 3, 5, 130])("of %d blobs to be stored, every second one known", async (count) => {
    const blobs = Array.from({ length: count }, () => randomBlob(50));
    await store().putMany(blobs.filter((_, n) => n % 2 === 1));
    const receipts = await store().putMany(blobs);
    expect(receipts).toEqual(blobs.map((_, n) => ({ created: n % 2 === 0 })));
    await Promise.all(blobs.map((blob) => expectKept(store(), blob)));
  });

  it("says once that it created a blob that comes twice", async () => {
    const [twice, other] = [randomBlob(50), randomBlob(50)];
    expect(await store().putMany([twice, other, twice])).toEqual([
      { created: true },
      { created: true },
      { created: false },
    ]);
  });
}

function reading(store: StoreOf): void {
  it("whole, when it is small", async () => {
    const blob = randomBlob(1000);
    await store().putMany([blob]);
    const reader = await store().openRead(shortKey(blob.hash));
    expect(reader?.bytesTotal).toBe(1000);
    expect(reader?.offset).toBe(0);
    expect(bytesEqual(await bytesOf(reader), blob.data)).toBe(true);
  });

  it("gives the one segment of a small blob whatever the range", async () => {
    const blob = randomBlob(1000);
    await store().putMany([blob]);
    const reader = await store().openRead(blob.hash, { first: 900, last: 999 });
    expect(reader?.offset).toBe(0);
    expect(bytesEqual(await bytesOf(reader), blob.data)).toBe(true);
  });

  it("whole, in its exact segments, when it is large", async () => {
    const blob = randomLargeBlob();
    await uploadLarge(store(), blob);
    const segments = await segmentsOf(await store().openRead(blob.hash));
    expect(segments.map(({ data }) => data.length)).toEqual([1 << 20, 1 << 20, 1]);
    expect(segments.every((one, n) => isSame(one, blob.segments[n]))).toBe(true);
  });

  const mebibyte = limits.segmentBytes;
  it.each([
    ["the first byte", 0, 0],
    ["the last byte", 2 * mebibyte, 2 * mebibyte],
    ["the bytes on both sides of a border", mebibyte - 1, mebibyte],
    ["bytes within one segment", mebibyte + 10, mebibyte + 20],
    ["a whole segment", mebibyte, 2 * mebibyte - 1],
    ["all of it", 0, 2 * mebibyte],
  ])("by the segments that hold %s", async (_, first, last) => {
    const blob = await theLargeBlob(store());
    const reader = await store().openRead(shortKey(blob.hash), { first, last });
    const offset = reader?.offset ?? -1;
    const bytes = await bytesOf(reader);
    expect(offset).toBe(Math.floor(first / mebibyte) * mebibyte);
    expect(bytes.length).toBeLessThanOrEqual(last - first + 2 * mebibyte);
    const wanted = blob.data.subarray(first, last + 1);
    expect(bytesEqual(bytes.subarray(first - offset, last - offset + 1), wanted)).toBe(true);
  });

  it("tells the size of a large blob and gives no data with it", async () => {
    const blob = await theLargeBlob(store());
    const [read] = await store().readMany([blob.hash]);
    const { hash, bytesTotal } = statOf(read);
    expect({ hash, bytesTotal }).toEqual({ hash: blob.hash, bytesTotal: blob.data.length });
    expect(read).toHaveProperty("data", null);
  });
}

function uploading(store: StoreOf): void {
  it("shows nothing before the commit, and all of it after", async () => {
    const blob = randomLargeBlob();
    const upload = await store().beginUpload();
    for (const segment of blob.segments) {
      await upload.append(segment);
      expect(await store().statMany([blob.hash])).toEqual([null]);
    }
    expect(await upload.commit(blob.hash)).toEqual({ created: true });
    expect(bytesEqual(await bytesOf(await store().openRead(blob.hash)), blob.data)).toBe(true);
  });

  it("says of a large blob that is there already that it was not created", async () => {
    const blob = randomLargeBlob();
    expect(await uploadLarge(store(), blob)).toBe(true);
    expect(await uploadLarge(store(), blob)).toBe(false);
    expect(bytesEqual(await bytesOf(await store().openRead(blob.hash)), blob.data)).toBe(true);
  });

  it("shows nothing of what was aborted, and takes no more of it", async () => {
    const blob = randomLargeBlob();
    const upload = await store().beginUpload();
    for (const segment of blob.segments) await upload.append(segment);
    await upload.abort();
    expect(await codeRejectedBy(upload.commit(blob.hash))).toBe("upload_expired");
    expect(await store().statMany([blob.hash])).toEqual([null]);
  });
}

function concurrency(store: StoreOf): void {
  it("creates a blob once, however many store it", async () => {
    const blobs = Array.from({ length: 8 }, () => randomBlob(200));
    const calls = Array.from({ length: 24 }, (_, n) => (n % 2 === 0 ? blobs : blobs.toReversed()));
    const receipts = await Promise.all(calls.map((batch) => store().putMany(batch)));
    expect(JSON.stringify(receipts).match(/"created":true/g)).toHaveLength(blobs.length);
  });

  it("creates a large blob once, however many upload it", async () => {
    const blob = randomLargeBlob();
    const created = await Promise.all([1, 2, 3, 4].map(() => uploadLarge(store(), blob)));
    expect(created.filter(Boolean)).toHaveLength(1);
    expect(bytesEqual(await bytesOf(await store().openRead(blob.hash)), blob.data)).toBe(true);
  });

  it("keeps what it confirmed while neighbours fail, abort and read", async () => {
    const confirmed = await Promise.all(
      Array.from({ length: 64 }, async (_, n) => {
        if (n % 4 === 3) return await abandonedUpload(store());
        const blob = randomBlob(300 + n);
        await store().putMany([blob]);
        await expectKept(store(), blob);
        return blob;
      }),
    );
    for (const blob of confirmed) if (blob !== null) await expectKept(store(), blob);
  });
}

/** An upload whose transaction fails in the midst: what it commits was aborted. */
async function abandonedUpload(store: BlobStore): Promise<null> {
  const [segment] = [randomBlob(1000)];
  const upload = await store.beginUpload();
  await upload.append(segment);
  await upload.abort();
  expect(await codeRejectedBy(upload.append(segment))).toBe("upload_expired");
  expect(await codeRejectedBy(upload.commit(segment.hash))).toBe("upload_expired");
  return null;
}

const largeBlobs = new WeakMap<BlobStore, Promise<LargeBlob>>();

/** A large blob that the store has; the same for every caller. */
function theLargeBlob(store: BlobStore): Promise<LargeBlob> {
  const known = largeBlobs.get(store) ?? makeLarge(store);
  largeBlobs.set(store, known);
  return known;
}

async function makeLarge(store: BlobStore): Promise<LargeBlob> {
  const blob = randomLargeBlob();
  await uploadLarge(store, blob);
  return blob;
}

async function expectKept(store: BlobStore, blob: NewBlob): Promise<void> {
  await store.putMany([blob]);
  const [byHash, byShort] = await store.readMany([blob.hash, shortKey(blob.hash)]);
  // Not toEqual on the bytes themselves: two million of them take it a second.
  for (const read of [byHash, byShort]) {
    const { hash, data } = toPlain(read);
    expect(hash).toEqual(blob.hash);
    expect(bytesEqual(data, blob.data)).toBe(true);
    expect(statOf(read).bytesTotal).toBe(blob.data.length);
  }
}

type Answer = Awaited<ReturnType<BlobStore["readMany" | "statMany"]>>[number] | undefined;

function statOf(answer: Answer): BlobStat {
  if (answer === undefined || answer === null || answer instanceof RegistryError) {
    throw new Error("the store has it", { cause: answer });
  }
  const { hash, bytesTotal, createdAtMs } = answer;
  return { hash, bytesTotal, createdAtMs };
}

function toPlain(answer: Awaited<ReturnType<BlobStore["readMany"]>>[number] | undefined) {
  const { hash } = statOf(answer);
  const { data } = answer as { readonly data: NewBlob["data"] };
  return { hash, data };
}

function isSame(a: NewBlob | { hash: Uint8Array; data: Uint8Array }, b: typeof a | undefined) {
  return b !== undefined && bytesEqual(a.hash, b.hash) && bytesEqual(a.data, b.data);
}
