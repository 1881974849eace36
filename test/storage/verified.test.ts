import { afterAll, beforeAll, beforeEach, describe, expect, it } from "bun:test";
import type { BlobKey } from "../../src/domain/blob-key.ts";
import type { BlobStore } from "../../src/domain/blob-store.ts";
import { bytesEqual } from "../../src/domain/bytes.ts";
import { type Counters, createCounters } from "../../src/domain/counters.ts";
import { RegistryError } from "../../src/domain/errors.ts";
import type { Database } from "../../src/storage/database.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { verified } from "../../src/storage/verified.ts";
import {
  bytesOf,
  hashing,
  randomBlob,
  randomLargeBlob,
  shortKey,
  toBlob,
  uploadLarge,
} from "../support/blobs.ts";
import {
  collidingHashing,
  flipped,
  insertRow,
  overwriteRow,
  rowsOf,
  uploadOf,
} from "../support/damage.ts";
import { type OwnDatabase, twoKinds } from "../support/databases.ts";
import { codeRejectedBy } from "../support/error-code.ts";

const text = (words: string) => new Uint8Array(Buffer.from(words));

describe.each([...twoKinds])("over $name", ({ open }) => {
  let own: OwnDatabase;
  let database: Database;
  let counters: Counters;
  let store: BlobStore;
  beforeAll(async () => {
    own = await open();
    ({ database } = own);
  });
  afterAll(async () => await own.remove());
  beforeEach(() => {
    counters = createCounters();
    store = verified(createSqlBlobStore(database), { hashing, counters });
  });

  async function expectGood(key: BlobKey, { hash, data }: ReturnType<typeof randomBlob>) {
    expect(await store.readMany([key])).toEqual([
      { hash, data, bytesTotal: data.length, createdAtMs: expect.any(Number) },
    ]);
  }

  describe("a row with a bit turned", () => {
    it("is given to nobody, while its neighbours are", async () => {
      const [before, bad, after] = [randomBlob(30), randomBlob(30), randomBlob(30)];
      await store.putMany([before, bad, after]);
      await overwriteRow(database, bad.hash, flipped(bad.data));
      const [first, second, third] = await store.readMany([before.hash, bad.hash, after.hash]);
      expect(first).toHaveProperty("data", before.data);
      expect(second).toBeInstanceOf(RegistryError);
      expect(second).toHaveProperty("code", "corrupt_blob");
      expect(third).toHaveProperty("data", after.data);
      expect(counters).toMatchObject({ blobsCorrupt: 1, blobsRepaired: 0 });
    });

    it("is not streamed either", async () => {
      const blob = randomBlob(30);
      await store.putMany([blob]);
      await overwriteRow(database, blob.hash, flipped(blob.data));
      for (const range of [undefined, { first: 3, last: 5 }]) {
        const reader = await store.openRead(blob.hash, range);
        expect(await codeRejectedBy(bytesOf(reader))).toBe("corrupt_blob");
      }
      expect(counters.blobsCorrupt).toBe(2);
    });

    it("is repaired by an upload of the true bytes", async () => {
      const blob = randomBlob(30);
      await store.putMany([blob]);
      await overwriteRow(database, blob.hash, flipped(blob.data));
      expect(await store.putMany([randomBlob(9), blob])).toEqual([
        { created: true },
        { created: false },
      ]);
      await expectGood(blob.hash, blob);
      expect(await rowsOf(database, blob.hash)).toHaveLength(1);
      expect(counters).toMatchObject({ blobsCorrupt: 0, blobsRepaired: 1 });
    });

    it("that should hold a blob of no bytes, or holds none, is repaired", async () => {
      for (const [truth, lie] of [
        [toBlob(new Uint8Array(0)), text("something")],
        [randomBlob(40), new Uint8Array(0)],
      ] as const) {
        await store.putMany([truth]);
        await overwriteRow(database, truth.hash, lie);
        expect(await store.readMany([truth.hash])).toEqual([expect.any(RegistryError)]);
        expect(await store.putMany([truth])).toEqual([{ created: false }]);
        await expectGood(truth.hash, truth);
      }
    });
  });

  describe("a row that notes another size", () => {
    it.each([29, 31, 2_000_000])("of %d bytes is given to nobody, and repaired", async (size) => {
      const blob = randomBlob(30);
      await insertRow(database, blob.hash, { data: blob.data, size });
      expect(await store.readMany([blob.hash])).toEqual([expect.any(RegistryError)]);
      for (const range of [undefined, { first: 3, last: 5 }]) {
        const pieces: unknown[] = [];
        const reader = await store.openRead(blob.hash, range);
        const reading = (async () => {
          for await (const piece of reader?.segments ?? []) pieces.push(piece);
        })();
        expect(await codeRejectedBy(reading)).toBe("corrupt_blob");
        expect(pieces).toEqual([]);
      }
      expect(await store.putMany([blob])).toEqual([{ created: false }]);
      await expectGood(blob.hash, blob);
    });
  });

  describe("a row that the Rust registry kept under 16 bytes", () => {
    it("is the blob of its whole hash, and not stored again", async () => {
      const blob = randomBlob(30);
      await insertRow(database, shortKey(blob.hash), blob);
      await expectGood(blob.hash, blob);
      await expectGood(shortKey(blob.hash), blob);
      expect(await store.statMany([blob.hash, shortKey(blob.hash)])).toEqual([
        expect.objectContaining({ hash: blob.hash, bytesTotal: 30 }),
        expect.objectContaining({ hash: blob.hash, bytesTotal: 30 }),
      ]);
      expect(await bytesOf(await store.openRead(blob.hash))).toEqual(blob.data);
      expect(await store.putMany([blob])).toEqual([{ created: false }]);
      expect(await rowsOf(database, blob.hash)).toMatchObject([{ hash: shortKey(blob.hash) }]);
    });

    it("is given to nobody when it is bad, and repaired where it is", async () => {
      const blob = randomBlob(30);
      await insertRow(database, shortKey(blob.hash), { data: flipped(blob.data) });
      for (const key of [blob.hash, shortKey(blob.hash)]) {
        expect(await store.readMany([key])).toEqual([expect.any(RegistryError)]);
        expect(await store.statMany([key])).toEqual([expect.any(RegistryError)]);
        expect(await codeRejectedBy(store.openRead(key))).toBe("corrupt_blob");
      }
      expect(await store.putMany([blob])).toEqual([{ created: false }]);
      await expectGood(blob.hash, blob);
      await expectGood(shortKey(blob.hash), blob);
      expect(await rowsOf(database, blob.hash)).toMatchObject([{ hash: shortKey(blob.hash) }]);
      expect(counters.blobsRepaired).toBe(1);
    });

    it("does not stand for another blob that shares its first 16 bytes", async () => {
      const [kept, other] = [text(`kept ${crypto.randomUUID()}`), text(crypto.randomUUID())];
      const colliding = collidingHashing(kept, other);
      store = verified(createSqlBlobStore(database), { hashing: colliding, counters });
      const blob = { hash: colliding.hash(other), data: other };
      await insertRow(database, shortKey(blob.hash), { data: kept });

      expect(await store.readMany([blob.hash])).toEqual([null]);
      expect(await store.statMany([blob.hash])).toEqual([null]);
      expect(await store.openRead(blob.hash)).toBeNull();

      expect(await store.putMany([blob])).toEqual([{ created: true }]);
      await expectGood(blob.hash, blob);
      expect(await store.putMany([blob])).toEqual([{ created: false }]);
      const hashes = (await rowsOf(database, blob.hash)).map((row) => row["hash"]);
      expect(hashes).toHaveLength(2);
      expect(counters).toMatchObject({ blobsCorrupt: 0, blobsRepaired: 0 });
      // The oldest answers to what they have in common.
      await expectGood(shortKey(blob.hash), { hash: colliding.hash(kept), data: kept });
    });
  });

  describe("of a blob with two rows", () => {
    const kinds = [
      ["16-byte", "32-byte"],
      ["32-byte", "16-byte"],
    ] as const;

    it.each([...kinds])("a bad %s one hides no good %s one, and is told", async (badOne) => {
      const lines: unknown[][] = [];
      const silent = () => {};
      const error = (...line: unknown[]) => void lines.push(line);
      const log = { debug: silent, info: silent, warn: silent, error };
      store = verified(createSqlBlobStore(database), { hashing, counters, log });
      const blob = randomBlob(30);
      const [short, whole] = [shortKey(blob.hash), blob.hash];
      for (const key of [short, whole]) await insertRow(database, key, blob);
      await overwriteRow(database, badOne === "16-byte" ? short : whole, flipped(blob.data));
      // The bad one is the older.
      const older = database.dialect.name === "postgres" ? "'2001-01-01'" : "1";
      const change = `UPDATE blobs SET created_at = ${older} WHERE hash = $1`;
      await database.query("write", change, [badOne === "16-byte" ? short : whole]);
      await expectGood(short, blob);
      await expectGood(whole, blob);
      expect(await store.statMany([short, whole])).toMatchObject([
        { hash: whole },
        { hash: whole },
      ]);
      expect(counters.blobsCorrupt).toBeGreaterThan(0);
      expect(lines).toHaveLength(counters.blobsCorrupt);
      expect(String(lines[0]?.[0])).toContain("beside a good one");
    });

    it("both bad are given to nobody, and both repaired by one upload", async () => {
      const blob = randomBlob(30);
      for (const key of [shortKey(blob.hash), blob.hash]) {
        await insertRow(database, key, { data: flipped(blob.data) });
      }
      const read = await store.readMany([blob.hash, shortKey(blob.hash)]);
      expect(read).toEqual([expect.any(RegistryError), expect.any(RegistryError)]);
      expect(counters.blobsCorrupt).toBe(2);
      expect(await store.putMany([blob])).toEqual([{ created: false }]);
      expect(counters.blobsRepaired).toBe(1);
      const rows = await rowsOf(database, blob.hash);
      expect(rows).toHaveLength(2);
      for (const row of rows) expect(row["data"]).toEqual(Buffer.from(blob.data));
    });

    it("a bad 16-byte one does not hide a large one", async () => {
      const blob = randomLargeBlob();
      await uploadLarge(store, blob);
      await insertRow(database, shortKey(blob.hash), { data: text("bad") });
      const older = database.dialect.name === "postgres" ? "'2001-01-01'" : "1";
      const change = `UPDATE blobs SET created_at = ${older} WHERE hash = $1`;
      await database.query("write", change, [shortKey(blob.hash)]);
      for (const key of [blob.hash, shortKey(blob.hash)]) {
        expect(await store.readMany([key])).toMatchObject([{ hash: blob.hash, data: null }]);
        expect(bytesEqual(await bytesOf(await store.openRead(key)), blob.data)).toBe(true);
      }
    });
  });

  describe("a large blob", () => {
    const changeSegment = "UPDATE blob_segments SET data = $3 WHERE upload = $1 AND n = $2";

    it("ends before a segment that is bad", async () => {
      const blob = randomLargeBlob();
      await uploadLarge(store, blob);
      const upload = await uploadOf(database, blob.hash);
      const bad = flipped(blob.data.slice(1 << 20, 2 << 20));
      await database.query("write", changeSegment, [upload, 1, bad]);
      const pieces = await piecesBefore("corrupt_blob", blob.hash);
      expect(pieces).toHaveLength(1);
      expect(bytesEqual(pieces[0]?.data ?? bad, blob.data.subarray(0, 1 << 20))).toBe(true);
      expect(counters.blobsCorrupt).toBe(1);
    });

    it("does not give its last segment when two of them are swapped", async () => {
      const blob = randomLargeBlob();
      await uploadLarge(store, blob);
      const upload = await uploadOf(database, blob.hash);
      for (const [from, to] of [
        [0, 9],
        [1, 0],
        [9, 1],
      ]) {
        const move = "UPDATE blob_segments SET n = $3 WHERE upload = $1 AND n = $2";
        await database.query("write", move, [upload, Number(from), Number(to)]);
      }
      expect(await piecesBefore("corrupt_blob", blob.hash)).toHaveLength(2);
      expect(counters.blobsCorrupt).toBe(1);
    });

    it("ends where a segment is missing, and counts that", async () => {
      const blob = randomLargeBlob();
      await uploadLarge(store, blob);
      const upload = await uploadOf(database, blob.hash);
      const remove = "DELETE FROM blob_segments WHERE upload = $1 AND n = $2";
      await database.query("write", remove, [upload, 2]);
      expect(await piecesBefore("corrupt_blob", blob.hash)).toHaveLength(2);
      expect(counters.blobsCorrupt).toBe(1);
    });

    it.each([
      ["less", 2 * (1 << 20)],
      ["less than a segment", 100],
      ["more", 3 * (1 << 20)],
    ])("is never given whole when its row notes %s", async (_, size) => {
      const blob = randomLargeBlob();
      await uploadLarge(store, blob);
      const change = "UPDATE blobs SET size = $2 WHERE hash = $1";
      await database.query("write", change, [blob.hash, size]);
      const pieces = await piecesBefore("corrupt_blob", blob.hash);
      expect(pieces.length).toBeLessThan(3);
    });

    it("gives no range from a segment of another size, though it has its own hash", async () => {
      const blob = randomLargeBlob();
      await uploadLarge(store, blob);
      const upload = await uploadOf(database, blob.hash);
      const short = randomBlob(1000);
      const change = "UPDATE blob_segments SET data = $3, hash = $4 WHERE upload = $1 AND n = $2";
      await database.query("write", change, [upload, 1, short.data, short.hash]);
      const reader = await store.openRead(blob.hash, { first: 1 << 20, last: (1 << 20) + 9 });
      expect(await codeRejectedBy(bytesOf(reader))).toBe("corrupt_blob");
    });

    async function piecesBefore(code: string, key: BlobKey) {
      const pieces: { readonly data: Uint8Array }[] = [];
      const reader = await store.openRead(key);
      const reading = (async () => {
        for await (const piece of reader?.segments ?? []) pieces.push(piece);
      })();
      expect(await codeRejectedBy(reading)).toBe(code);
      return pieces;
    }
  });
});

describe("over a store that fails", () => {
  const failure = new RegistryError("database_unavailable", "out");
  const failing = (answers: Partial<BlobStore>): BlobStore => {
    const inner = createSqlBlobStore({} as Database);
    return verified({ ...inner, ...answers }, { hashing, counters: createCounters() });
  };

  it("hands on what failed by itself", async () => {
    const store = failing({ readMany: async () => [failure], putMany: async () => [failure] });
    const blob = randomBlob(10);
    expect(await store.readMany([blob.hash])).toEqual([failure]);
    expect(await store.putMany([blob])).toEqual([failure]);
  });

  it("says nothing is stored when the repair failed", async () => {
    const store = failing({
      readMany: async () => [null],
      putMany: async ([blob]) => [blob?.replaces === undefined ? { created: false } : failure],
    });
    expect(await store.putMany([randomBlob(10)])).toEqual([failure]);
  });
});
