import { afterEach, describe, expect, it } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { StartError } from "../../src/domain/errors.ts";
import { createLog } from "../../src/ops/log.ts";
import {
  migrateDatabase,
  rekeyDatabase,
  surveyDatabase,
  type RekeyObserver,
} from "../../src/ops/migrate-database.ts";
import type { DatabaseConfig } from "../../src/ops/open-database.ts";
import { openPostgres } from "../../src/storage/postgres/open.ts";
import { toHex } from "../../src/domain/bytes.ts";
import { shortKey } from "../support/blobs.ts";
import { flipped, overwriteRow } from "../support/damage.ts";
import { optionsOf } from "../support/databases.ts";
import { legacyForms, makeLegacyDatabase } from "../support/legacy-database.ts";
import { type PostgresServer, sharedPostgres, type TestDatabase } from "../support/postgres.ts";
import { temporaryDirectory, type LogLine } from "../support/registry.ts";
import { vectors } from "../support/vectors.ts";
import { migrationNames } from "../support/schema.ts";

const lines: LogLine[] = [];
const log = createLog({
  level: "debug",
  format: "json",
  write: (line) => lines.push(JSON.parse(line) as LogLine),
});
const silent: RekeyObserver = { onBad() {}, onProgress() {} };

let cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.toReversed()) await clean();
  cleanUp = [];
  lines.length = 0;
});

function embedded(): DatabaseConfig {
  const directory = temporaryDirectory();
  cleanUp.push(() => rmSync(directory, { recursive: true }));
  return { kind: "sqlite", directory: join(directory, "data"), timeoutMs: 5000 };
}

async function postgres(): Promise<{ target: TestDatabase; config: DatabaseConfig }> {
  const target = await (await sharedPostgres()).createDatabase();
  cleanUp.push(() => target.drop());
  return { target, config: configOf(target) };
}

function configOf(target: TestDatabase): DatabaseConfig {
  const { user, password, name, host, port } = target;
  const access = { user, password, name, host, port };
  const times = { connectTimeoutMs: 0, timeoutMs: 5000 };
  return { kind: "postgres", ...access, ...times, tls: "disable", tlsCaFile: null, poolMax: 8 };
}

/** Opens a database as somebody else, for as long as `work` takes. */
async function asOther<T>(
  target: TestDatabase,
  work: (database: ReturnType<typeof openPostgres>) => Promise<T>,
): Promise<T> {
  const database = openPostgres(optionsOf(target));
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

async function complaintOf(work: Promise<unknown>): Promise<string> {
  const failure: unknown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(StartError);
  const { message } = failure as StartError;
  expect(message).not.toContain("\n");
  return message;
}

/** A role that owns nothing, with rights on every table. */
async function guestOf(server: PostgresServer, target: TestDatabase, rights: string) {
  const user = `${target.user}_guest`;
  await server.query(`CREATE USER ${user} WITH PASSWORD 'secret'`);
  await server.query(`GRANT ${rights} ON ALL TABLES IN SCHEMA public TO ${user}`, target.name);
  cleanUp.push(async () => {
    await server.query(`DROP OWNED BY ${user}`, target.name);
    await server.query(`DROP ROLE ${user}`);
  });
  return configOf({ ...target, user, password: "secret" });
}

describe("migrateDatabase", () => {
  it("names what ran, once, in either store", async () => {
    for (const config of [embedded(), (await postgres()).config]) {
      expect(await migrateDatabase(config, log)).toEqual([...migrationNames]);
      expect(await migrateDatabase(config, log)).toEqual([]);
      expect((await surveyDatabase(config, log, () => {})).migrations).toEqual({
        applied: migrationNames,
        pending: [],
      });
    }
    expect(lines).toEqual([]);
  });

  it("says whose the table must be", async () => {
    const { target } = await postgres();
    await asOther(target, async (database) => await makeLegacyDatabase(database, "both"));
    const server = await sharedPostgres();
    const guest = await guestOf(server, target, "ALL");
    await server.query(`GRANT ALL ON SCHEMA public TO ${target.user}_guest`, target.name);
    expect(await complaintOf(migrateDatabase(guest, log))).toEndWith(
      `ALTER TABLE blobs OWNER TO ${target.user}_guest;`,
    );
  });
});

describe("surveyDatabase", () => {
  it("makes no embedded store, and says that there is none", async () => {
    const config = embedded();
    const census = await surveyDatabase(config, log, () => {});
    expect(census.migrations.pending).toEqual([...migrationNames]);
    expect(census.keys.total).toBe(0);
    expect(lines).toMatchObject([
      { level: "warn", message: "there is no store in this directory yet" },
    ]);
    await surveyDatabase(config, log, () => {});
    expect(lines).toHaveLength(2);
  });

  it("tells how far it is, and needs no rights but to read", async () => {
    const { target } = await postgres();
    await asOther(target, async (database) => await makeLegacyDatabase(database, "both"));
    const guest = await guestOf(await sharedPostgres(), target, "SELECT");
    const parts: number[] = [];
    const census = await surveyDatabase(guest, log, (part) => parts.push(part));
    expect(census.keys).toEqual({ total: 5, bytes32: 2, bytes16: 3, other: 0 });
    expect(parts).toHaveLength(1);
  });

  it("works where nothing may be changed at all, as on a standby", async () => {
    const { target, config } = await postgres();
    await asOther(target, async (database) => await makeLegacyDatabase(database, "both"));
    const server = await sharedPostgres();
    await server.query(`ALTER ROLE ${target.user} SET default_transaction_read_only = on`);
    expect((await surveyDatabase(config, log, () => {})).keys.total).toBe(5);
    expect(await complaintOf(rekeyDatabase(config, log, silent))).toContain("is read-only");
  });

  it("says which right is missing", async () => {
    const { target } = await postgres();
    await asOther(target, async (database) => await makeLegacyDatabase(database, "both"));
    const guest = await guestOf(await sharedPostgres(), target, "INSERT");
    expect(await complaintOf(surveyDatabase(guest, log, () => {}))).toEndWith(
      "(permission denied for table blobs); run this as the user that owns the tables, or as a " +
        "superuser run there: " +
        `GRANT ALL ON ALL TABLES IN SCHEMA public TO ${target.user}_guest; What a server needs ` +
        "at least is in docs/security.md",
    );
  });
});

describe("rekeyDatabase", () => {
  const done = {
    "32-byte keys": { rekeyed: 0, merged: 0 },
    "16-byte keys": { rekeyed: 4, merged: 0 },
    both: { rekeyed: 2, merged: 1 },
  } as const;

  it.each(legacyForms)("adopts a Rust registry's database with %s", async (form) => {
    const { target, config } = await postgres();
    await asOther(target, async (database) => await makeLegacyDatabase(database, form));
    const report = await rekeyDatabase(config, log, silent);
    expect(report).toEqual({ ...done[form], repaired: 0, bad: 0 });
    expect(lines).toMatchObject([{ message: "database migrated", migrations: migrationNames }]);
    const census = await surveyDatabase(config, log, () => {});
    expect(census.keys).toEqual({ total: 4, bytes32: 4, bytes16: 0, other: 0 });
    const rows = await asOther(
      target,
      async (database) => await database.query("read", "SELECT hash, created_at FROM blobs"),
    );
    const dates = new Map(rows.map((row) => [toHex(row["hash"] as Uint8Array), row["created_at"]]));
    for (const { name, hash } of vectors) {
      // Nobody noted when "hero" was stored.
      expect(dates.get(toHex(hash)) === null).toBe(name === "hero");
    }
  });

  it("works on an embedded store, of which it finds nothing to do", async () => {
    const config = embedded();
    expect((await rekeyDatabase(config, log, silent)).rekeyed).toBe(0);
  });

  it("reports bad rows", async () => {
    const { target, config } = await postgres();
    const [vector] = vectors;
    if (vector === undefined) return;
    await asOther(target, async (database) => {
      await makeLegacyDatabase(database, "16-byte keys");
      await overwriteRow(database, shortKey(vector.hash), flipped(vector.data));
    });
    const bad: string[] = [];
    const report = await rekeyDatabase(config, log, {
      ...silent,
      onBad: ({ key }) => bad.push(toHex(key)),
    });
    expect(report).toEqual({ rekeyed: 3, merged: 0, repaired: 0, bad: 1 });
    expect(bad).toEqual([toHex(shortKey(vector.hash))]);
  });

  it("says which right is missing, and needs no more than docs/migrating.md gives", async () => {
    const { target, config } = await postgres();
    await asOther(target, async (database) => await makeLegacyDatabase(database, "both"));
    await migrateDatabase(config, log);
    const guest = await guestOf(await sharedPostgres(), target, "SELECT");
    expect(await complaintOf(rekeyDatabase(guest, log, silent))).toContain(
      "(permission denied for table blobs)",
    );
    const guide = await Bun.file(`${import.meta.dir}/../../docs/migrating.md`).text();
    const grants = /```sql\n(GRANT SELECT, .*?)```/s.exec(guide)?.[1] ?? "";
    await asOther(target, async (database) => {
      await database.query(
        "write",
        `REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${target.user}_guest`,
      );
      await database.query("write", grants.replaceAll("mycelium_serving", `${target.user}_guest`));
    });
    expect(await rekeyDatabase(guest, log, silent)).toMatchObject({ rekeyed: 2, merged: 1 });
  });
});
