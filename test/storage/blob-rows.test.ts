import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { type BlobKey, toBlobKey } from "../../src/domain/blob-key.ts";
import { readRows } from "../../src/storage/blob-rows.ts";
import type { Database, Param } from "../../src/storage/database.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { randomBlob, shortKey } from "../support/blobs.ts";
import { insertRow } from "../support/damage.ts";
import {
  databaseKinds,
  type OwnDatabase,
  openOwnPostgres,
  serverOf,
  twoKinds,
} from "../support/databases.ts";
import { hasPostgres, type PostgresVersion } from "../support/postgres-binaries.ts";

/** A database that notes what was asked for, and how many rows came. */
function watched(database: Database) {
  const seen: { text: string; params: readonly Param[]; rowCount: number }[] = [];
  const watching: Database = {
    ...database,
    async query(lane, text, params = []) {
      const rows = await database.query(lane, text, params);
      seen.push({ text, params, rowCount: rows.length });
      return rows;
    },
  };
  return { watching, seen };
}

describe.each(databaseKinds.filter(({ isHere }) => isHere))("rows of $name", ({ open }) => {
  let own: OwnDatabase;
  let database: Database;
  beforeAll(async () => {
    own = await open();
    ({ database } = own);
  });
  afterAll(async () => await own.remove());

  it.each([1, 3, 130, 1000])("of %d keys come in one statement", async (count) => {
    const { watching, seen } = watched(database);
    const blobs = Array.from({ length: count }, () => randomBlob(10));
    await createSqlBlobStore(database).putMany(blobs);
    const keys = blobs.map(({ hash }) => hash);
    const rows = await readRows(watching, keys, true);
    expect(rows.map((row) => row?.hash)).toEqual(keys);
    expect(seen).toHaveLength(1);
    expect(seen[0]?.rowCount).toBe(count);
  });

  it("do not come with bytes that were not asked for", async () => {
    const { watching, seen } = watched(database);
    const blob = randomBlob(10);
    await createSqlBlobStore(database).putMany([blob]);
    expect(await readRows(watching, [blob.hash], false)).toMatchObject([{ data: null }]);
    expect(seen[0]?.text).not.toContain("b.data");
  });

  it("that the hash names come before one that only begins alike", async () => {
    const blob = randomBlob(10);
    await insertRow(database, shortKey(blob.hash), blob);
    await insertRow(database, blob.hash, blob);
    const [byHash, byShort] = await readRows(database, [blob.hash, shortKey(blob.hash)], false);
    expect(byHash?.hash).toEqual(blob.hash);
    expect(byShort?.hash.subarray(0, 16)).toEqual(shortKey(blob.hash));
  });

  it("are the oldest where 16 bytes name two of them", async () => {
    const { hash, data } = randomBlob(10);
    const other = hash.slice();
    other[31] = (other[31] ?? 0) ^ 1;
    for (const key of [hash, toBlobKey(other)]) await insertRow(database, key, { data });
    for (const [older, younger] of [
      [hash, other],
      [other, hash],
    ] as const) {
      await setAge(older, 5000);
      await setAge(younger, 1000);
      const [row] = await readRows(database, [shortKey(hash)], false);
      expect(row?.hash).toEqual(toBlobKey(older));
    }
  });

  it("whose key is neither 16 nor 32 bytes long are nobody's", async () => {
    const { hash, data } = randomBlob(10);
    for (const length of [15, 17, 31]) {
      await insertRow(database, hash.slice(0, length) as BlobKey, { data });
    }
    expect(await readRows(database, [hash, shortKey(hash)], true)).toEqual([null, null]);
  });

  it("at the ends of all keys are found", async () => {
    const least = toBlobKey(new Uint8Array(32));
    const most = toBlobKey(new Uint8Array(32).fill(0xff));
    for (const key of [least, most]) await insertRow(database, key, { data: new Uint8Array(1) });
    const keys = [least, shortKey(least), most, shortKey(most)];
    const rows = await readRows(database, keys, true);
    expect(rows.map((row) => row?.hash)).toEqual([least, least, most, most]);
  });

  async function setAge(key: Uint8Array<ArrayBuffer>, ms: number) {
    const isPostgres = database.dialect.name === "postgres";
    const at = isPostgres ? `now() - ${ms} * interval '1 millisecond'` : `${Date.now() - ms}`;
    await database.query("write", `UPDATE blobs SET created_at = ${at} WHERE hash = $1`, [key]);
  }
});

describe("SQLite", () => {
  it.each([1, 2, 128])("finds %d keys by the index", async (count) => {
    const own = await (twoKinds[0] as (typeof twoKinds)[number]).open();
    const { watching, seen } = watched(own.database);
    await readRows(watching, keysOf(count), true);
    const plan = await own.database.query(
      "read",
      `EXPLAIN QUERY PLAN ${seen[0]?.text}`,
      seen[0]?.params,
    );
    const lines = plan.map((row) => String(row["detail"]));
    expect(lines.filter((line) => /SEARCH b USING .*INDEX/.test(line))).toHaveLength(1);
    expect(lines.filter((line) => /SCAN b\b/.test(line))).toEqual([]);
    await own.remove();
  });
});

const versions: readonly PostgresVersion[] = ["debian-or-newest", "12", "newest"];
describe.each(versions.filter(hasPostgres))("PostgreSQL %s with 200,000 rows", (version) => {
  let own: Awaited<ReturnType<typeof openOwnPostgres>>;
  beforeAll(async () => {
    const server = await serverOf(version);
    own = await openOwnPostgres(server);
    const fill =
      "INSERT INTO blobs (hash, data, size) SELECT " +
      "decode(md5(i::text) || md5((-i)::text), 'hex'), " +
      "decode(repeat('ab', 600), 'hex'), 600 FROM generate_series(1, 200000) i";
    await server.query(fill, own.target.name);
    await server.query("VACUUM ANALYZE blobs", own.target.name);
  });
  afterAll(async () => await own.remove());

  it.each([1, 2, 3, 4, 8, 16, 64, 128, 1000])("reads %d keys by the index", async (count) => {
    const { watching, seen } = watched(own.database);
    await createSqlBlobStore(watching).readMany(keysOf(count));
    await createSqlBlobStore(watching).statMany(keysOf(count));
    expect(seen).toHaveLength(2);
    for (const { text, params } of seen) await expectIndex(text, params);
  });

  it.each([1, 2, 16, 128])("stores %d blobs by the index", async (count) => {
    const { watching, seen } = watched(own.database);
    await createSqlBlobStore(watching).putMany(Array.from({ length: count }, () => randomBlob(9)));
    expect(seen).toHaveLength(1);
    for (const { text, params } of seen) await expectIndex(text, params);
  });

  async function expectIndex(text: string, params: readonly Param[]) {
    const rows = await own.database.query("read", `EXPLAIN ${text}`, params);
    const plan = rows.map((row) => String(row["QUERY PLAN"])).join("\n");
    expect(plan).toMatch(/Index (Only )?Scan using blobs_pkey on blobs/);
    expect(plan).not.toContain("Seq Scan on blobs");
  }
});

function keysOf(count: number): BlobKey[] {
  return Array.from({ length: count }, (_, n) => {
    const { hash } = randomBlob(9);
    return n % 2 === 0 ? hash : shortKey(hash);
  });
}
