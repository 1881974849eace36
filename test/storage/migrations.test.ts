import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import type { BlobStore } from "../../src/domain/blob-store.ts";
import { createCounters } from "../../src/domain/counters.ts";
import type { Database } from "../../src/storage/database.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { openPostgres } from "../../src/storage/postgres/open.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { verified } from "../../src/storage/verified.ts";
import { hashing, randomBlob, randomLargeBlob, shortKey, uploadLarge } from "../support/blobs.ts";
import { rowsOf } from "../support/damage.ts";
import { optionsOf, serverOf } from "../support/databases.ts";
import {
  legacyForms,
  legacyStatements,
  makeLegacyDatabase,
  rowVersions,
} from "../support/legacy-database.ts";
import { hasPostgres, type PostgresVersion } from "../support/postgres-binaries.ts";
import type { TestDatabase } from "../support/postgres.ts";
import { vectors } from "../support/vectors.ts";

const versions = (["debian-or-newest", "12", "newest"] as const).filter(hasPostgres);
const cases: [PostgresVersion, (typeof legacyForms)[number]][] = versions.flatMap((version) =>
  legacyForms.map((form): (typeof cases)[number] => [version, form]),
);

describe.each(cases)("PostgreSQL %s as the Rust registry left it, with %s", (version, form) => {
  let target: TestDatabase;
  let database: Database;
  let store: BlobStore;
  let before: Awaited<ReturnType<typeof rowVersions>>;
  beforeAll(async () => {
    target = await (await serverOf(version)).createDatabase();
    database = openPostgres(optionsOf(target));
    await makeLegacyDatabase(database, form);
    before = await rowVersions(database);
    await migrate(database);
    store = verified(createSqlBlobStore(database), { hashing, counters: createCounters() });
  });
  afterAll(async () => {
    await database.close();
    await target.drop();
  });

  it("is adopted without a row rewritten", async () => {
    expect([...(await rowVersions(database))]).toEqual([...before]);
    expect(await migrate(database)).toEqual([]);
  });

  it.each([...vectors])("gives $name by either form of its key", async ({ hash, data, name }) => {
    const blob = { hash, data, bytesTotal: data.length };
    const answers = await store.readMany([hash, shortKey(hash)]);
    expect(answers).toEqual([expect.objectContaining(blob), expect.objectContaining(blob)]);
    const stats = await store.statMany([hash, shortKey(hash)]);
    const createdAtMs = name === "hero" ? null : expect.any(Number);
    const stat = { hash, bytesTotal: data.length, createdAtMs };
    expect(stats).toEqual([expect.objectContaining(stat), expect.objectContaining(stat)]);
  });

  it("stores nothing of it again", async () => {
    const rowCount = before.length;
    const receipts = await store.putMany(vectors);
    expect(receipts).toEqual(vectors.map(() => ({ created: false })));
    expect(await rowVersions(database)).toHaveLength(rowCount);
  });

  it("still serves the Rust registry", async () => {
    const [legacy, fresh] = [randomBlob(50), randomBlob(50)];
    const { load, store: insert } = legacyStatements;
    const key = shortKey(legacy.hash);
    const first = await database.query("write", insert, [key, legacy.data, 50]);
    const second = await database.query("write", insert, [key, legacy.data, 50]);
    expect([first.count, second.count]).toEqual([1, 0]);
    expect(await store.readMany([legacy.hash])).toMatchObject([{ hash: legacy.hash }]);

    await store.putMany([fresh]);
    const [row] = await database.query("read", load, [fresh.hash]);
    expect(Buffer.compare(row?.["data"] as Uint8Array, fresh.data)).toBe(0);
    await database.query("write", legacyStatements.createTable);
    await database.query("write", legacyStatements.createIndex);
  });

  it("takes new blobs, small and large", async () => {
    const [small, large] = [randomBlob(50), randomLargeBlob()];
    expect(await store.putMany([small])).toEqual([{ created: true }]);
    expect(await uploadLarge(store, large)).toBe(true);
    expect(await rowsOf(database, large.hash)).toHaveLength(1);
  });
});
