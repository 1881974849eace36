import { afterAll, beforeAll, beforeEach, describe, expect, it } from "bun:test";
import { type BlobKey, toBlobKey } from "../../src/domain/blob-key.ts";
import type { NewBlob } from "../../src/domain/blob-store.ts";
import { toHex } from "../../src/domain/bytes.ts";
import { createCounters } from "../../src/domain/counters.ts";
import type { Hashing } from "../../src/domain/hasher.ts";
import { limits } from "../../src/domain/limits.ts";
import type { Database } from "../../src/storage/database.ts";
import { type BadRow, rekey, type RekeyCounts } from "../../src/storage/rekey.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
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
  overwriteRow,
  rowsOf,
  uploadOf,
} from "../support/damage.ts";
import { databaseKinds, type OwnDatabase } from "../support/databases.ts";

const nothingDone: RekeyCounts = { rekeyed: 0, merged: 0, repaired: 0, bad: 0 };

/** Runs it; gives what it counted, what it reported, and how far it said to be. */
async function run(database: Database, by: Hashing = hashing) {
  const bad: BadRow[] = [];
  const parts: number[] = [];
  const counts = await rekey(database, {
    hashing: by,
    onBad: (row) => bad.push(row),
    onProgress: (part) => parts.push(part),
  });
  return { counts, bad, parts };
}

const kinds = databaseKinds.filter(({ isHere }) => isHere);
describe.each(kinds)("rekeying in $name", ({ open }) => {
  let own: OwnDatabase;
  let database: Database;
  beforeAll(async () => {
    own = await open();
    ({ database } = own);
    if (database.dialect.name === "postgres") {
      // As in the Rust registry's table.
      await database.query("write", "ALTER TABLE blobs ALTER created_at DROP NOT NULL");
    }
  });
  afterAll(async () => await own.remove());
  beforeEach(async () => {
    for (const table of ["blobs", "blob_segments", "uploads"]) {
      await database.query("write", `DELETE FROM ${table}`);
    }
  });

  const isPostgres = () => database.dialect.name === "postgres";

  async function insertShort({ hash, data }: NewBlob) {
    await insertRow(database, shortKey(hash), { data });
  }

  async function setTime(key: BlobKey, ms: number | null) {
    const time = isPostgres() ? `to_timestamp(${Number(ms) / 1000})` : String(ms);
    const text = `UPDATE blobs SET created_at = ${ms === null ? "NULL" : time} WHERE hash = $1`;
    await database.query("write", text, [key]);
  }

  async function timeOf(key: BlobKey): Promise<number | null> {
    const column = database.dialect.epochMs("created_at");
    const text = `SELECT ${column} AS ms FROM blobs WHERE hash = $1`;
    const [row] = await database.query("read", text, [key]);
    return row?.["ms"] === null ? null : Number(row?.["ms"]);
  }

  async function expectOnlyRow({ hash, data }: NewBlob) {
    const rows = await rowsOf(database, hash);
    expect(rows.map((row) => [row["hash"], row["size"], row["upload"]])).toEqual([
      [Buffer.from(hash), isPostgres() ? String(data.length) : data.length, null],
    ]);
    expect(Buffer.compare(rows[0]?.["data"] as Uint8Array, data)).toBe(0);
  }

  it("finds nothing to do in an empty database", async () => {
    expect(await run(database)).toEqual({ counts: nothingDone, bad: [], parts: [] });
  });

  it("gives every row its whole hash, and changes nothing else", async () => {
    const sizes = [0, 1, 600, 3000, limits.inlineBlobBytesMax];
    const blobs = sizes.map((size) => randomBlob(size));
    for (const [n, blob] of blobs.entries()) {
      await insertShort(blob);
      await setTime(shortKey(blob.hash), 1_700_000_000_000 + n);
    }
    const { counts, bad } = await run(database);
    expect({ counts, bad }).toEqual({ counts: { ...nothingDone, rekeyed: 5 }, bad: [] });
    for (const [n, blob] of blobs.entries()) {
      await expectOnlyRow(blob);
      expect(await timeOf(blob.hash)).toBe(1_700_000_000_000 + n);
    }
    expect((await run(database)).counts).toEqual(nothingDone);
  });

  it("leaves alone what has its whole hash, and what has no key of a blob's", async () => {
    const small = randomBlob(50);
    const large = randomLargeBlob();
    const store = createSqlBlobStore(database);
    await store.putMany([small]);
    await uploadLarge(store, large);
    for (const length of [0, 1, 15, 17, 31, 33]) {
      const key = new Uint8Array(Buffer.alloc(length, small.hash));
      await insertRow(database, key as BlobKey, small);
    }
    const before = await everything();
    expect((await run(database)).counts).toEqual(nothingDone);
    expect(await everything()).toEqual(before);
  });

  it("goes through more rows than it holds at once, and tells how far it is", async () => {
    const blobs = Array.from({ length: 3000 }, (_, n) => randomBlob(n % 40));
    const unique = [...new Map(blobs.map((blob) => [toHex(blob.hash), blob])).values()];
    await createSqlBlobStore(database).putMany(Array.from({ length: 900 }, () => randomBlob(41)));
    await database.transaction("write", async (query) => {
      for (const { hash, data } of unique) {
        const text = "INSERT INTO blobs (hash, data, size) VALUES ($1, $2, $3)";
        await query(text, [shortKey(hash), data, data.length]);
      }
    });
    const { counts, parts } = await run(database);
    expect(counts).toEqual({ ...nothingDone, rekeyed: unique.length });
    expect(parts.length).toBeGreaterThan(10);
    expect(parts).toEqual(parts.toSorted((a, b) => a - b));
    expect(parts.at(-1)).toBeGreaterThan(0.98);
    expect(parts.at(-1)).toBeLessThan(1);
    const text = "SELECT length(hash) AS bytes, count(*) AS total FROM blobs GROUP BY 1";
    const [row, ...others] = await database.query("read", text);
    expect([Number(row?.["bytes"]), Number(row?.["total"])]).toEqual([32, unique.length + 900]);
    expect(others).toEqual([]);
  });

  it("reads no more bytes in one transaction than an insert may hold", async () => {
    const blobs = Array.from({ length: 9 }, () => randomBlob(1024 * 1024));
    for (const blob of blobs) await insertShort(blob);
    const read: number[] = [];
    const counting: Hashing = {
      ...hashing,
      hash(bytes) {
        read[read.length - 1] = (read.at(-1) ?? 0) + bytes.length;
        return hashing.hash(bytes);
      },
    };
    const watching: Database = {
      ...database,
      async transaction(lane, work) {
        read.push(0);
        return await database.transaction(lane, work);
      },
    };
    expect((await run(watching, counting)).counts).toEqual({ ...nothingDone, rekeyed: 9 });
    expect(Math.max(...read)).toBe(limits.writeBatchBytesMax);
  });

  describe("a bad row", () => {
    it("is reported and left as it is, its neighbours are rekeyed", async () => {
      const [good, turned, longer, cut] = [0, 1, 2, 3].map(() => randomBlob(40));
      if (good === undefined || turned === undefined) return;
      if (longer === undefined || cut === undefined) return;
      await insertShort(good);
      await insertRow(database, shortKey(turned.hash), { data: flipped(turned.data) });
      await insertRow(database, shortKey(longer.hash), { data: longer.data, size: 41 });
      await insertRow(database, shortKey(cut.hash), { data: cut.data.slice(1), size: 40 });
      const before = await everything();
      const { counts, bad } = await run(database);
      expect(counts).toEqual({ ...nothingDone, rekeyed: 1, bad: 3 });
      const told = new Map(bad.map(({ key, why }) => [toHex(key), why]));
      expect(told.get(toHex(shortKey(turned.hash)))).toBe(
        `its bytes hash to ${toHex(hashing.hash(flipped(turned.data)))}`,
      );
      expect(told.get(toHex(shortKey(longer.hash)))).toBe("40 bytes where 41 were noted");
      expect(told.get(toHex(shortKey(cut.hash)))).toStartWith("its bytes hash to ");
      const after = await everything();
      expect(after.filter((row) => !before.includes(row))).toHaveLength(1);
      expect(before.filter((row) => !after.includes(row))).toHaveLength(1);
      await expectOnlyRow(good);
    });

    it("may be one that no registry makes: too long, or in segments", async () => {
      const long = randomBlob(limits.inlineBlobBytesMax + 1);
      await insertShort(long);
      const large = randomLargeBlob();
      await uploadLarge(createSqlBlobStore(database), large);
      const text = "UPDATE blobs SET hash = $1 WHERE hash = $2";
      await database.query("write", text, [shortKey(large.hash), large.hash]);
      const { counts, bad } = await run(database);
      expect(counts).toEqual({ ...nothingDone, bad: 2 });
      expect(new Map(bad.map(({ key, why }) => [toHex(key), why]))).toEqual(
        new Map([
          [toHex(shortKey(long.hash)), "it holds 2097153 bytes, more than a row may"],
          [toHex(shortKey(large.hash)), "its bytes are in segments"],
        ]),
      );
    });

    it("is repaired by an upload of its blob, and then rekeyed", async () => {
      const blob = randomBlob(40);
      await insertRow(database, shortKey(blob.hash), { data: flipped(blob.data) });
      expect((await run(database)).counts.bad).toBe(1);
      const store = verified(createSqlBlobStore(database), { hashing, counters: createCounters() });
      expect(await store.putMany([blob])).toEqual([{ created: false }]);
      expect((await run(database)).counts).toEqual({ ...nothingDone, rekeyed: 1 });
      await expectOnlyRow(blob);
    });
  });

  describe("a blob that has a row under its whole hash too", () => {
    const known: [whole: number | null, short: number | null, left: number | null][] = [
      [1000, 2000, 1000],
      [2000, 1000, 1000],
      [1000, 1000, 1000],
    ];
    const undated: typeof known = [
      [null, 1000, 1000],
      [1000, null, 1000],
      [null, null, null],
    ];
    it("has one row, under the older time, one that nobody noted counting as none", async () => {
      for (const [whole, short, left] of isPostgres() ? [...known, ...undated] : known) {
        const blob = randomBlob(40);
        await insertShort(blob);
        await insertRow(database, blob.hash, blob);
        await setTime(shortKey(blob.hash), short);
        await setTime(blob.hash, whole);
        expect((await run(database)).counts).toEqual({ ...nothingDone, merged: 1 });
        await expectOnlyRow(blob);
        expect(await timeOf(blob.hash)).toBe(left);
      }
    });

    it.each([
      ["other bytes", (data: NewBlob["data"]) => ({ data: flipped(data) })],
      ["too few bytes", (data: NewBlob["data"]) => ({ data: data.slice(1) })],
      ["another size", (data: NewBlob["data"]) => ({ data, size: 41 })],
    ])("gets the good bytes where that row holds %s", async (_, spoil) => {
      const blob = randomBlob(40);
      await insertShort(blob);
      await insertRow(database, blob.hash, spoil(blob.data));
      await setTime(blob.hash, 1000);
      const { counts, bad } = await run(database);
      expect({ counts, bad }).toEqual({
        counts: { ...nothingDone, merged: 1, repaired: 1 },
        bad: [],
      });
      await expectOnlyRow(blob);
      expect(await timeOf(blob.hash)).toBe(1000);
    });

    it("gets the good bytes where that row names segments, which the sweeper takes", async () => {
      const [blob, large] = [randomBlob(40), randomLargeBlob()];
      await uploadLarge(createSqlBlobStore(database), large);
      const upload = await uploadOf(database, large.hash);
      const text = "UPDATE blobs SET hash = $1 WHERE hash = $2";
      await database.query("write", text, [blob.hash, large.hash]);
      await insertShort(blob);
      expect((await run(database)).counts).toEqual({ ...nothingDone, merged: 1, repaired: 1 });
      await expectOnlyRow(blob);
      expect(await looseUploads(database)).toEqual([upload]);
    });

    it("keeps that row where its own under 16 bytes is bad", async () => {
      const blob = randomBlob(40);
      await insertRow(database, shortKey(blob.hash), { data: flipped(blob.data) });
      await insertRow(database, blob.hash, blob);
      const before = await everything();
      expect((await run(database)).counts).toEqual({ ...nothingDone, bad: 1 });
      expect(await everything()).toEqual(before);
    });
  });

  it("keeps two blobs apart whose hashes begin with the same 16 bytes", async () => {
    const [a, b] = [toBlob(randomBlob(20).data), toBlob(randomBlob(20).data)];
    const colliding = collidingHashing(a.data, b.data);
    const hashOfB = colliding.hash(b.data);
    await insertRow(database, a.hash, a);
    await insertRow(database, toBlobKey(hashOfB.slice(0, 16)), b);
    const { counts } = await run(database, colliding);
    expect(counts).toEqual({ ...nothingDone, rekeyed: 1 });
    await expectOnlyRow(a);
    await expectOnlyRow({ hash: hashOfB, data: b.data });
  });

  it("by two at once moves each row once", async () => {
    const blobs = Array.from({ length: 400 }, () => randomBlob(30));
    for (const blob of blobs) await insertShort(blob);
    for (const { hash, data } of blobs.slice(0, 50)) await insertRow(database, hash, { data });
    const [one, two] = await Promise.all([run(database), run(database)]);
    expect(one.counts.rekeyed + two.counts.rekeyed).toBe(350);
    expect(one.counts.merged + two.counts.merged).toBe(50);
    for (const blob of blobs) await expectOnlyRow(blob);
  });

  it("takes the rows that changed after it had looked as they are then", async () => {
    const [gone, spoilt] = [randomBlob(30), randomBlob(30)];
    for (const blob of [gone, spoilt]) await insertShort(blob);
    const changing: Database = {
      ...database,
      async transaction(lane, work) {
        const remove = "DELETE FROM blobs WHERE hash = $1";
        await database.query("write", remove, [shortKey(gone.hash)]);
        await overwriteRow(database, shortKey(spoilt.hash), flipped(spoilt.data));
        return await database.transaction(lane, work);
      },
    };
    expect((await run(changing)).counts).toEqual({ ...nothingDone, bad: 1 });
    expect(await rowsOf(database, gone.hash)).toEqual([]);
  });

  /** Every row, as text. */
  async function everything(): Promise<string[]> {
    const text = "SELECT hash, data, size, created_at, upload FROM blobs ORDER BY hash";
    const rows = await database.query("read", text);
    return rows.map((row) => Bun.inspect(row, { depth: 3 }));
  }
});
