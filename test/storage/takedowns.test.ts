import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import type { BlobKey } from "../../src/domain/blob-key.ts";
import type { BlobStore } from "../../src/domain/blob-store.ts";
import { toHex } from "../../src/domain/bytes.ts";
import { createCounters } from "../../src/domain/counters.ts";
import type { Database } from "../../src/storage/database.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import {
  countTakedowns,
  liftTakedown,
  readChanges,
  removeDenied,
  takeDown,
} from "../../src/storage/takedowns.ts";
import { verified } from "../../src/storage/verified.ts";
import {
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
  looseUploads,
  orphanCount,
  rowsOf,
  segmentCountOf,
  uploadOf,
} from "../support/damage.ts";
import { databaseKinds, type OwnDatabase } from "../support/databases.ts";

for (const kind of databaseKinds) {
  describe.skipIf(!kind.isHere)(`takedowns in ${kind.name}`, () => {
    let own: OwnDatabase;
    let database: Database;
    let store: BlobStore;
    beforeAll(async () => {
      own = await kind.open();
      database = own.database;
      store = verified(createSqlBlobStore(database), { hashing, counters: createCounters() });
    });
    afterAll(async () => await own.remove());

    /** What is noted of a blob, by either form of its key. */
    async function notesOf(hash: BlobKey): Promise<unknown[]> {
      const forms = [toHex(hash), toHex(shortKey(hash))];
      return (await readChanges(database, 0, 10_000))
        .filter(({ key }) => forms.includes(toHex(key)))
        .map(({ key, isLifted }) => [key.length, isLifted]);
    }

    it("remove a blob and note its whole hash, by either form of its key", async () => {
      for (const form of [(hash: BlobKey) => hash, shortKey]) {
        const blob = randomBlob(100);
        await store.putMany([blob]);
        const taken = await takeDown(database, hashing, form(blob.hash));
        expect(taken).toEqual({ denied: blob.hash, wasDenied: false, rows: 1 });
        expect(await rowsOf(database, blob.hash)).toEqual([]);
        expect(await notesOf(blob.hash)).toEqual([[32, false]]);
      }
    });

    it("remove a row of the Rust registry, one beside it too, and tell the hash", async () => {
      for (const form of [(hash: BlobKey) => hash, shortKey]) {
        const blob = randomBlob(100);
        await insertRow(database, shortKey(blob.hash), blob);
        await insertRow(database, blob.hash, blob);
        const taken = await takeDown(database, hashing, form(blob.hash));
        expect(taken).toEqual({ denied: blob.hash, wasDenied: false, rows: 2 });
        expect(await rowsOf(database, blob.hash)).toEqual([]);
      }
    });

    it("remove a bad row too, and deny its 16 bytes where they are all that is known", async () => {
      const blob = randomBlob(100);
      await insertRow(database, shortKey(blob.hash), { data: flipped(blob.data) });
      const taken = await takeDown(database, hashing, shortKey(blob.hash));
      expect(taken).toEqual({ denied: shortKey(blob.hash), wasDenied: false, rows: 1 });
      expect(await rowsOf(database, blob.hash)).toEqual([]);
    });

    it("leave the blob alone that shares 16 bytes, and ask which is meant", async () => {
      const [a, b] = [randomBlob(100), randomBlob(100)];
      const colliding = collidingHashing(a.data, b.data);
      const hashOfB = colliding.hash(b.data);
      await insertRow(database, a.hash, a);
      await insertRow(database, shortKey(hashOfB), b);
      expect(await takeDown(database, colliding, shortKey(a.hash))).toBeNull();
      expect(await rowsOf(database, a.hash)).toHaveLength(2);
      expect(await takeDown(database, colliding, a.hash)).toMatchObject({ rows: 1 });
      expect(await rowsOf(database, a.hash)).toHaveLength(1);
    });

    it("remove the segments of a large blob, at once", async () => {
      const blob = randomLargeBlob();
      await uploadLarge(store, blob);
      const upload = await uploadOf(database, blob.hash);
      expect(await takeDown(database, hashing, blob.hash)).toMatchObject({ rows: 1 });
      expect(await segmentCountOf(database, upload)).toBe(0);
      expect([await looseUploads(database), await orphanCount(database)]).toEqual([[], 0]);
    });

    it("remove what is in quarantine", async () => {
      const blob = randomBlob(100);
      await database.query(
        "write",
        "INSERT INTO quarantined_blobs (id, why, hash, data, size) VALUES ($1, 'bad', $2, $3, 100)",
        [Bun.randomUUIDv7(), blob.hash, blob.data],
      );
      expect(await takeDown(database, hashing, shortKey(blob.hash))).toMatchObject({ rows: 1 });
      const left = await database.query("read", "SELECT 1 FROM quarantined_blobs");
      expect(left).toHaveLength(0);
    });

    it("note a key without a blob as it is; and a second time, that it was", async () => {
      const { hash } = randomBlob(100);
      const absent = { denied: shortKey(hash), wasDenied: false, rows: 0 };
      expect(await takeDown(database, hashing, shortKey(hash))).toEqual(absent);
      const again = await takeDown(database, hashing, shortKey(hash));
      expect(again).toEqual({ ...absent, wasDenied: true });
    });

    it("are lifted by either form, tell so, and can be made again", async () => {
      const { hash } = randomBlob(100);
      const before = await countTakedowns(database);
      await takeDown(database, hashing, shortKey(hash));
      await takeDown(database, hashing, hash);
      expect(await countTakedowns(database)).toBe(before + 2);
      expect(await liftTakedown(database, hash)).toBe(2);
      expect(await countTakedowns(database)).toBe(before);
      expect(await liftTakedown(database, shortKey(hash))).toBe(0);
      expect(await notesOf(hash)).toEqual([
        [16, true],
        [32, true],
      ]);
      expect(await takeDown(database, hashing, hash)).toMatchObject({ wasDenied: false });
      expect(await liftTakedown(database, shortKey(hash))).toBe(1);
    });

    it("change nothing that is not theirs, not even of a neighbour in the order", async () => {
      const blob = randomBlob(100);
      const next = blob.hash.slice();
      next[15] = ((next[15] ?? 0) + 1) % 256;
      const neighbour = toBlob(randomBlob(5).data);
      await insertRow(database, blob.hash, blob);
      await database.query("write", "INSERT INTO blobs (hash, data, size) VALUES ($1, $2, 5)", [
        next,
        neighbour.data,
      ]);
      await takeDown(database, hashing, shortKey(blob.hash));
      const left = await database.query("read", "SELECT 1 FROM blobs WHERE hash = $1", [next]);
      expect(left).toHaveLength(1);
    });

    it("are numbered in their order, also by many at once, and read from any on", async () => {
      const [latest = { change: 0 }] = (await readChanges(database, 0, 10_000)).toReversed();
      const blobs = Array.from({ length: 20 }, () => randomBlob(10));
      await Promise.all(blobs.map(({ hash }) => takeDown(database, hashing, hash)));
      const news = await readChanges(database, latest.change, 10_000);
      expect(news.map(({ change }) => change - latest.change)).toEqual(
        Array.from({ length: 20 }, (_, index) => index + 1),
      );
      expect(await readChanges(database, latest.change + 5, 3)).toEqual(news.slice(5, 8));
    });

    it("can be enforced again upon what came back", async () => {
      const [small, large] = [randomBlob(100), randomLargeBlob()];
      await store.putMany([small]);
      await uploadLarge(store, large);
      const upload = await uploadOf(database, large.hash);
      expect(await removeDenied(database, hashing, shortKey(small.hash))).toBe(1);
      expect(await removeDenied(database, hashing, large.hash)).toBe(1);
      expect(await removeDenied(database, hashing, large.hash)).toBe(0);
      expect(await segmentCountOf(database, upload)).toBe(0);
      expect(await rowsOf(database, small.hash)).toEqual([]);
    });
  });
}
