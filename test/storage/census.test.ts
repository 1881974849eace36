import { afterEach, describe, expect, it } from "bun:test";
import { rmSync } from "node:fs";
import type { BlobKey } from "../../src/domain/blob-key.ts";
import { StartError } from "../../src/domain/errors.ts";
import { limits } from "../../src/domain/limits.ts";
import { type Census, emptyCensus, takeCensus } from "../../src/storage/census.ts";
import type { Database, Param } from "../../src/storage/database.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { openPostgres } from "../../src/storage/postgres/open.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { openSqlite } from "../../src/storage/sqlite/open.ts";
import { randomBlob, randomLargeBlob, shortKey, uploadLarge } from "../support/blobs.ts";
import { insertRow } from "../support/damage.ts";
import { optionsOf, serverOf } from "../support/databases.ts";
import { legacyForms, makeLegacyDatabase, rowVersions } from "../support/legacy-database.ts";
import { hasPostgres, type PostgresVersion } from "../support/postgres-binaries.ts";
import { temporaryDirectory } from "../support/registry.ts";
import { migrationNames } from "../support/schema.ts";

const none = { total: 0, segments: 0, bytesTotal: 0 };

let cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.toReversed()) await clean();
  cleanUp = [];
});

async function tableNamed(database: Database, name: string) {
  return await database.query("read", database.dialect.tableExists, [name]);
}

/** What holds for both dialects; `open` gives a new, empty database. */
function counting(open: () => Promise<Database>): void {
  it("in a database that nobody has used finds nothing, and makes nothing", async () => {
    const database = await open();
    expect(await takeCensus(database)).toEqual(emptyCensus(database.dialect.name));
    expect(await takeCensus(database)).toMatchObject({
      migrations: { applied: [], pending: migrationNames },
    });
    expect(await tableNamed(database, "blobs")).toHaveLength(0);
  });

  it("tells kinds of keys, large blobs and uploads under way apart", async () => {
    const database = await open();
    await migrate(database);
    const store = createSqlBlobStore(database);
    await store.putMany([randomBlob(0), randomBlob(10), randomBlob(limits.inlineBlobBytesMax)]);
    for (const blob of [randomBlob(10), randomBlob(20)]) {
      await insertRow(database, shortKey(blob.hash), blob);
    }
    for (const length of [0, 15, 17, 33]) {
      await insertRow(database, new Uint8Array(length) as BlobKey, randomBlob(1));
    }
    const large = randomLargeBlob();
    await uploadLarge(store, large);
    await uploadLarge(store, randomLargeBlob(limits.inlineBlobBytesMax + 10));
    await store.beginUpload();
    await (await store.beginUpload()).append(large.segments[0] ?? randomBlob(1));
    const counted: Census = {
      migrations: { applied: migrationNames, pending: [] },
      keys: { total: 11, bytes32: 5, bytes16: 2, other: 4 },
      large: { total: 2, segments: 6, bytesTotal: 2 * limits.inlineBlobBytesMax + 11 },
      uploads: { total: 2, segments: 1, bytesTotal: limits.segmentBytes },
    };
    expect(await takeCensus(database)).toEqual(counted);
  });

  it("counts more rows than it looks at at once, and tells how far it is", async () => {
    const database = await open();
    await migrate(database);
    const count = 5000;
    await database.transaction("write", async (query) => {
      const more = `UNION ALL SELECT i + 1 FROM s WHERE i < ${count}`;
      const series = `WITH RECURSIVE s(i) AS (SELECT 1 ${more})`;
      const isPostgres = database.dialect.name === "postgres";
      const key = isPostgres ? "decode(md5(i::text), 'hex')" : "randomblob(16)";
      const data = isPostgres ? "decode('ab', 'hex')" : "x'ab'";
      await query(
        `INSERT INTO blobs (hash, data, size) ${series} SELECT ${key}, ${data}, 1 FROM s`,
      );
      const upload = Bun.randomUUIDv7();
      await query(
        `INSERT INTO blob_segments (upload, n, hash, data) ${series} ` +
          `SELECT CAST($1 AS ${database.dialect.uuid}), i - 1, ${data}, ${data} FROM s`,
        [upload],
      );
    });
    const parts: number[] = [];
    const census = await takeCensus(database, (part) => parts.push(part));
    expect(census.keys).toEqual({ total: count, bytes32: 0, bytes16: count, other: 0 });
    expect(census.large).toEqual({ total: 1, segments: count, bytesTotal: count });
    expect(parts.length).toBeGreaterThan(2);
    expect(parts).toEqual(parts.toSorted((a, b) => a - b));
    expect(parts.at(-1)).toBeGreaterThan(0.99);
  });

  it("refuses the database of a newer registry", async () => {
    const database = await open();
    await migrate(database);
    await database.query(
      "write",
      "INSERT INTO registry_migrations (version, name, checksum) VALUES (99, '0099-more', 'x')",
    );
    await expect(takeCensus(database)).rejects.toBeInstanceOf(StartError);
  });
}

describe("a census in SQLite", () => {
  counting(async () => {
    const directory = temporaryDirectory();
    const database = await openSqlite({ directory });
    cleanUp.push(
      () => rmSync(directory, { recursive: true }),
      () => database.close(),
    );
    return database;
  });
});

const versions: readonly PostgresVersion[] = ["debian-or-newest", "12", "newest"];
describe.each(versions.filter(hasPostgres))("a census in PostgreSQL %s", (version) => {
  async function open(): Promise<Database> {
    const target = await (await serverOf(version)).createDatabase();
    const database = openPostgres(optionsOf(target));
    cleanUp.push(
      () => target.drop(),
      () => database.close(),
    );
    return database;
  }

  counting(open);

  it.each(legacyForms)("of a Rust registry's database with %s changes none of it", async (form) => {
    const database = await open();
    await makeLegacyDatabase(database, form);
    const before = await rowVersions(database);
    const counts = {
      "32-byte keys": { total: 4, bytes32: 4, bytes16: 0, other: 0 },
      "16-byte keys": { total: 4, bytes32: 0, bytes16: 4, other: 0 },
      both: { total: 5, bytes32: 2, bytes16: 3, other: 0 },
    } as const;
    expect(await takeCensus(database)).toEqual({
      migrations: { applied: [], pending: migrationNames },
      keys: counts[form],
      large: none,
      uploads: none,
    });
    expect(await rowVersions(database)).toEqual(before);
    expect(await tableNamed(database, "uploads")).toHaveLength(0);
  });

  it("only reads, and of many rows only the index", async () => {
    const database = await open();
    await migrate(database);
    // Only what is on disk can be known to be visible to all, so that the index is enough.
    await database.transaction("write", async (query) => {
      await query("SET LOCAL synchronous_commit = on");
      await query(
        "INSERT INTO blobs (hash, data, size) SELECT decode(md5(i::text), 'hex'), " +
          "decode(repeat('ab', 600), 'hex'), 600 FROM generate_series(1, 100000) i",
      );
    });
    await database.query("write", "VACUUM ANALYZE blobs");
    const seen: { readonly text: string; readonly params: readonly Param[] }[] = [];
    const watching: Database = {
      ...database,
      query: () => Promise.reject(new Error("not in a transaction")),
      transaction: async (lane, work) =>
        await database.transaction(lane, async (query) => {
          const begun = seen.length;
          const result = await work(async (text, params = []) => {
            seen.push({ text, params });
            return await query(text, params);
          });
          expect(seen[begun]?.text).toBe("SET TRANSACTION READ ONLY");
          return result;
        }),
    };
    expect((await takeCensus(watching)).keys.bytes16).toBe(100_000);
    const counts = seen.filter(({ text }) => text.includes("FROM blobs"));
    expect(counts.length).toBeGreaterThan(5);
    for (const { text, params } of counts.slice(1, -1)) {
      const rows = await database.query("read", `EXPLAIN ${text}`, params);
      const plan = rows.map((row) => String(row["QUERY PLAN"])).join("\n");
      expect(plan).toContain("Index Only Scan using blobs_pkey");
    }
  });
});
