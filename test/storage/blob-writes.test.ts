import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { insertBlobs, replaceBlob } from "../../src/storage/blob-writes.ts";
import type { Database } from "../../src/storage/database.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { randomBlob, randomLargeBlob, shortKey, toBlob, uploadLarge } from "../support/blobs.ts";
import { insertRow, looseUploads, orphanCount, rowsOf, uploadOf } from "../support/damage.ts";
import { databaseKinds, type OwnDatabase } from "../support/databases.ts";

describe.each(databaseKinds.filter(({ isHere }) => isHere))("in $name", ({ open }) => {
  let own: OwnDatabase;
  let database: Database;
  beforeAll(async () => {
    own = await open();
    ({ database } = own);
  });
  afterAll(async () => await own.remove());

  describe("insertBlobs", () => {
    it.each([1, 3, 5, 130])("stores %d blobs and no row besides", async (count) => {
      const before = await rowCount();
      const blobs = Array.from({ length: count }, (_, n) => randomBlob(16 + n));
      expect(await insertBlobs(database, blobs)).toEqual(blobs.map(() => ({ created: true })));
      expect((await rowCount()) - before).toBe(count);
    });

    it("takes a row under the first 16 bytes for the blob", async () => {
      const [known, fresh] = [randomBlob(10), randomBlob(10)];
      await insertRow(database, shortKey(known.hash), known);
      expect(await insertBlobs(database, [known, fresh])).toEqual([
        { created: false },
        { created: true },
      ]);
      expect(await rowsOf(database, known.hash)).toHaveLength(1);
    });

    it("lets calls that store the same blobs in any order wait, and none fail", async () => {
      const blobs = Array.from({ length: 128 }, () => randomBlob(500));
      const calls = Array.from({ length: 16 }, async (_, n) => {
        const batch = blobs.toSorted(() => Math.random() - 0.5).slice(n);
        return await insertBlobs(database, batch);
      });
      const created = (await Promise.all(calls)).flat().filter((receipt) => receipt.created);
      expect(created).toHaveLength(blobs.length);
    });

    it("stores the blob of no bytes", async () => {
      const empty = toBlob(new Uint8Array(0));
      expect(await insertBlobs(database, [empty, randomBlob(20), empty])).toEqual([
        { created: true },
        { created: true },
        { created: false },
      ]);
      const [row] = await rowsOf(database, empty.hash);
      expect({ size: Number(row?.["size"]), upload: row?.["upload"] }).toEqual({
        size: 0,
        upload: null,
      });
    });
  });

  describe("replaceBlob", () => {
    it("overwrites the row that it is told, also one under 16 bytes", async () => {
      const blob = randomBlob(10);
      await insertRow(database, shortKey(blob.hash), { data: randomBlob(5).data });
      const receipt = await replaceBlob(database, blob, shortKey(blob.hash));
      expect(receipt).toEqual({ created: false });
      const rows = await rowsOf(database, blob.hash);
      expect(rows).toHaveLength(1);
      expect(Buffer.compare(rows[0]?.["data"] as Uint8Array, blob.data)).toBe(0);
      expect(Number(rows[0]?.["size"])).toBe(10);
    });

    it("makes the row where there is none", async () => {
      const blob = randomBlob(10);
      expect(await replaceBlob(database, blob, blob.hash)).toEqual({ created: true });
      expect(await rowsOf(database, blob.hash)).toHaveLength(1);
    });

    it("leaves segments that the row had to the sweeper", async () => {
      const large = randomLargeBlob();
      const store = createSqlBlobStore(database);
      await uploadLarge(store, large);
      const upload = await uploadOf(database, large.hash);
      await replaceBlob(database, { hash: large.hash, data: new Uint8Array(3) }, large.hash);
      expect(await rowsOf(database, large.hash)).toMatchObject([{ upload: null }]);
      expect(await looseUploads(database)).toEqual([upload]);
      expect(await orphanCount(database)).toBe(0);
    });

    it("makes one row, however many do it at once", async () => {
      const blob = randomBlob(10);
      const all = [1, 2, 3, 4].map(async () => await replaceBlob(database, blob, blob.hash));
      expect((await Promise.all(all)).filter(({ created }) => created)).toHaveLength(1);
      expect(await rowsOf(database, blob.hash)).toHaveLength(1);
    });
  });

  async function rowCount(): Promise<number> {
    const [row] = await database.query("read", "SELECT count(*) AS total FROM blobs");
    return Number(row?.["total"]);
  }
});
