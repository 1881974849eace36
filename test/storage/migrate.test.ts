import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { StartError } from "../../src/domain/errors.ts";
import type { Database } from "../../src/storage/database.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { type Migration, migrations } from "../../src/storage/migrations.ts";
import { openPostgres } from "../../src/storage/postgres/open.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { openSqlite } from "../../src/storage/sqlite/open.ts";
import { randomBlob } from "../support/blobs.ts";
import { optionsOf, serverOf } from "../support/databases.ts";
import { codeRejectedBy } from "../support/error-code.ts";
import { hasPostgres, type PostgresVersion } from "../support/postgres-binaries.ts";
import type { PostgresServer, TestDatabase } from "../support/postgres.ts";
import { temporaryDirectory } from "../support/registry.ts";
import { allTables, migrationNames } from "../support/schema.ts";
import { lockTable } from "../support/table-lock.ts";

const versions: readonly PostgresVersion[] = ["debian-or-newest", "12", "newest"];

/** What comes behind all that there is. */
const moreNames = [1, 2].map((n) => `000${migrationNames.length + n}-more`);

function stepsOf({ dialect }: Database, ...texts: string[]): Migration[] {
  const known = migrations[dialect.name];
  const more = texts.map((text, n) => {
    const version = known.length + n + 1;
    return { version, name: moreNames[n] ?? "", text };
  });
  return [...known, ...more];
}

async function tablesOf(database: Database): Promise<string[]> {
  const catalogue =
    database.dialect.name === "postgres"
      ? "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
      : "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1";
  const rows = await database.query("read", catalogue);
  return rows.map((row) => String(row["name"]));
}

/** What holds for both dialects; `open` gives a connection to a new, empty database. */
function migrating(open: () => Promise<Database>): void {
  let database: Database;
  const opened = async (): Promise<Database> => (database = await open());

  it("makes the schema of an empty database, and says what ran", async () => {
    await opened();
    expect(await migrate(database)).toEqual([...migrationNames]);
    expect(await tablesOf(database)).toEqual([...allTables]);
    expect(await createSqlBlobStore(database).putMany([randomBlob(31)])).toHaveLength(1);
  });

  it("does nothing the second time", async () => {
    await opened();
    await migrate(database);
    expect(await migrate(database)).toEqual([]);
    const [row] = await database.query("read", "SELECT count(*) AS total FROM registry_migrations");
    expect(Number(row?.["total"])).toBe(migrationNames.length);
  });

  it("runs only what is new, in order", async () => {
    await opened();
    await migrate(database);
    const steps = stepsOf(
      database,
      "CREATE TABLE fruit (name text NOT NULL)",
      "INSERT INTO fruit (name) VALUES ('plum')",
    );
    expect(await migrate(database, steps)).toEqual(moreNames);
    expect([...(await database.query("read", "SELECT name FROM fruit"))]).toEqual([
      { name: "plum" },
    ]);
  });

  it("leaves nothing of a migration that fails half-way, and keeps those before it", async () => {
    await opened();
    const steps = stepsOf(
      database,
      "CREATE TABLE fruit (name text); INSERT INTO nowhere VALUES (1);",
    );
    await expect(migrate(database, steps)).rejects.toThrow(/nowhere/);
    expect(await tablesOf(database)).toEqual([...allTables]);
    expect(await migrate(database, steps.slice(0, -1))).toEqual([]);
    expect(await migrate(database, stepsOf(database, "CREATE TABLE fruit (name text)"))).toEqual(
      moreNames.slice(0, 1),
    );
  });

  it("refuses the database of a newer registry", async () => {
    await opened();
    await migrate(database, stepsOf(database, "CREATE TABLE fruit (name text)"));
    const refused = migrate(database);
    await expect(refused).rejects.toBeInstanceOf(StartError);
    await expect(refused).rejects.toThrow(
      `is from a newer registry (it has migration ${moreNames[0]}`,
    );
  });

  it("refuses a database whose history is another one", async () => {
    await opened();
    await migrate(database);
    await database.query("write", "UPDATE registry_migrations SET checksum = 'other'");
    const refused = migrate(database);
    await expect(refused).rejects.toBeInstanceOf(StartError);
    await expect(refused).rejects.toThrow(/migration 0001-blobs in the database is not the one/);
  });
}

describe("in SQLite", () => {
  const opened: Database[] = [];
  afterEach(async () => {
    for (const database of opened.splice(0)) await database.close();
  });
  migrating(async () => {
    const database = await openSqlite({ directory: temporaryDirectory() });
    opened.push(database);
    return database;
  });
});

describe.each(versions.filter(hasPostgres))("in PostgreSQL %s", (version) => {
  let server: PostgresServer;
  let target: TestDatabase | null = null;
  const opened: Database[] = [];
  beforeAll(async () => {
    server = await serverOf(version);
  });
  afterEach(async () => {
    for (const database of opened.splice(0)) await database.close();
    await target?.drop();
    target = null;
  });

  async function open(): Promise<Database> {
    target ??= await server.createDatabase();
    const database = openPostgres(optionsOf(target));
    opened.push(database);
    return database;
  }

  migrating(open);

  it.each([2, 5])("by %d registries at once runs once, and all come up", async (count) => {
    const all: Database[] = [];
    for (let n = 0; n < count; n += 1) all.push(await open());
    const ran = await Promise.all(all.map(async (database) => await migrate(database)));
    expect(ran.flat().toSorted()).toEqual([...migrationNames]);
    for (const database of all) {
      expect(await createSqlBlobStore(database).putMany([randomBlob(31)])).toHaveLength(1);
    }
  });

  it("may take longer than a statement, and others wait for it as long", async () => {
    const first = await open();
    const steps = stepsOf(first, "CREATE TABLE more (n int); SELECT pg_sleep(1)");
    await migrate(first);
    const hasty = [1, 2].map(() => {
      const database = openPostgres(optionsOf(target as TestDatabase, { timeoutMs: 200 }));
      opened.push(database);
      return database;
    });
    const told: string[] = [];
    const tell = (name: string): void => void told.push(name);
    const ran = await Promise.all(hasty.map((database) => migrate(database, steps, tell)));
    expect(ran.flat()).toEqual([moreNames[0] ?? ""]);
    expect(told).toEqual([moreNames[0] ?? "", moreNames[0] ?? ""]);
    const [row] = await (hasty[0] as Database).query("health", "SHOW statement_timeout");
    expect(row).toEqual({ statement_timeout: "200ms" });
  });

  it("does not wait for a table as long, where everybody else would wait behind it", async () => {
    const steps = stepsOf(await open(), "ALTER TABLE blobs ADD COLUMN more int");
    await migrate(await open());
    const lock = await lockTable(server, target as TestDatabase, "blobs");
    const hasty = openPostgres(optionsOf(target as TestDatabase, { timeoutMs: 200 }));
    opened.push(hasty);
    expect(await codeRejectedBy(migrate(hasty, steps))).toBe("database_timeout");
    await lock.release();
    expect(await migrate(hasty, steps)).toEqual([moreNames[0] ?? ""]);
  });

  it("changes nothing when nothing is pending: a role without rights to do so serves", async () => {
    const owner = await open();
    await migrate(owner);
    const { name, user } = target ?? { name: "", user: "" };
    const role = `${user}_reader`;
    const tables = allTables.join(", ");
    for (const text of [
      `CREATE USER ${role} WITH PASSWORD 'secret'`,
      "REVOKE ALL ON SCHEMA public FROM PUBLIC",
      `GRANT USAGE ON SCHEMA public TO ${role}`,
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ${tables} TO ${role}`,
    ]) {
      await server.query(text, name);
    }
    const access = { ...optionsOf(target as TestDatabase), user: role, password: "secret" };
    const database = openPostgres(access);
    opened.push(database);
    expect(await migrate(database)).toEqual([]);
    const blob = randomBlob(100);
    const store = createSqlBlobStore(database);
    expect(await store.putMany([blob])).toEqual([{ created: true }]);
    const upload = await store.beginUpload();
    await upload.append(randomBlob(10));
    expect(await upload.commit(randomBlob(10).hash)).toEqual({ created: true });
    await database.close();
    await server.query(`DROP OWNED BY ${role}`, name);
    await server.query(`DROP ROLE ${role}`, name);
  });

  it("stores ciphertext without trying to compress it", async () => {
    const database = await open();
    await migrate(database);
    const rows = await database.query(
      "read",
      "SELECT attrelid::regclass::text AS name, attstorage::text AS storage FROM pg_attribute " +
        "WHERE attname = 'data' AND attrelid IN ('blobs'::regclass, 'blob_segments'::regclass)",
    );
    expect(new Set(rows.map((row) => row["storage"]))).toEqual(new Set(["e"]));
  });

  afterAll(async () => {
    const left = await server.query("SELECT rolname FROM pg_roles WHERE rolname LIKE '%_reader'");
    expect(left).toEqual([]);
  });
});

describe("the list of migrations", () => {
  it.each(["postgres", "sqlite"] as const)("is the folder of %s", (dialect) => {
    const folder = new URL(`../../migrations/${dialect}/`, import.meta.url);
    const files = readdirSync(folder).toSorted();
    expect(migrations[dialect].map(({ name }) => `${name}.sql`)).toEqual(files);
    for (const [index, { name, version, text }] of migrations[dialect].entries()) {
      expect(version).toBe(index + 1);
      expect(text).toBe(readFileSync(new URL(`${name}.sql`, folder), "utf8"));
    }
  });
});
