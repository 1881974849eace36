import { afterEach, describe, expect, it } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { databaseTimeout } from "../../src/domain/deadline.ts";
import { RegistryError, StartError } from "../../src/domain/errors.ts";
import type { Config } from "../../src/ops/config.ts";
import { createLog } from "../../src/ops/log.ts";
import { openDatabase, toWorkError } from "../../src/ops/open-database.ts";
import { openPostgres } from "../../src/storage/postgres/open.ts";
import { optionsOf } from "../support/databases.ts";
import { sharedPostgres, type TestDatabase } from "../support/postgres.ts";
import { temporaryDirectory, type LogLine } from "../support/registry.ts";
import { migrationNames } from "../support/schema.ts";

const lines: LogLine[] = [];
const log = createLog({
  level: "debug",
  format: "json",
  write: (line) => lines.push(JSON.parse(line) as LogLine),
});
const { signal } = new AbortController();
const rest = {
  cdnDomain: null,
  isTrustedProxy: null,
  uploadOrigins: new Set<string>(),
  host: "127.0.0.1",
  hostIsDefault: false,
  port: 0,
  https: null,
  blobBytesMax: 1,
  cacheBytesMax: 0,
  inFlightBytesMax: 256 * 1024 ** 2,
  readOnly: false,
  storedBytesMax: 0,
  uploadTokenFile: null,
  rates: { uploads: null, reads: null, uploadBytes: null },
  denyListFile: null,
  drainDelayMs: 0,
  drainTimeoutMs: 0,
  metrics: { host: "127.0.0.1", port: 0, portIsDefault: false },
  otlp: { metricsUrl: null, intervalMs: 1, timeoutMs: 1, traces: null, warnings: [] },
  logLevel: "info",
  logFormat: "json",
  accessLog: false,
  slowRequestMs: 0,
  typedSecrets: [],
  told: { flags: {}, environment: {}, defaults: {} },
} as const;

function postgresConfig(database: TestDatabase, changes: object = {}): Config {
  const { user, password, name, host, port } = database;
  const fixed = { kind: "postgres", tls: "disable", tlsCaFile: null, poolMax: 4 } as const;
  const times = { connectTimeoutMs: 0, timeoutMs: 5000 };
  return {
    ...rest,
    database: { ...fixed, ...times, user, password, name, host, port, ...changes },
  };
}

function sqliteConfig(directory: string): Config {
  return { ...rest, database: { kind: "sqlite", directory, timeoutMs: 5000 } };
}

/** What opening fails with. */
async function failureOf(config: Config): Promise<StartError> {
  try {
    await openDatabase(config, log, signal);
  } catch (error) {
    if (error instanceof StartError) return error;
    throw error;
  }
  throw new Error("it could be opened");
}

let cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.toReversed()) await clean();
  cleanUp = [];
  lines.length = 0;
});

async function freshPostgres(options?: { readonly grantSchema?: boolean }): Promise<TestDatabase> {
  const database = await (await sharedPostgres()).createDatabase(options);
  cleanUp.push(() => database.drop());
  return database;
}

function freshDirectory(): string {
  const directory = temporaryDirectory();
  cleanUp.push(() => rmSync(directory, { recursive: true }));
  return directory;
}

describe("openDatabase", () => {
  it("makes the directory and the schema of an embedded store, once", async () => {
    const directory = join(freshDirectory(), "new", "data");
    for (const expected of [1, 0]) {
      lines.length = 0;
      const database = await openDatabase(sqliteConfig(directory), log, signal);
      expect((await database.query("read", "SELECT * FROM blobs")).length).toBe(0);
      await database.close();
      expect(lines.length).toBe(expected);
    }
  });

  it("makes the schema of a PostgreSQL database, once, and says what ran", async () => {
    const config = postgresConfig(await freshPostgres());
    for (const expected of [[{ message: "database migrated", migrations: migrationNames }], []]) {
      lines.length = 0;
      const database = await openDatabase(config, log, signal);
      expect((await database.query("read", "SELECT * FROM blobs")).length).toBe(0);
      await database.close();
      expect(lines).toMatchObject(expected);
    }
  });

  it("says that it waits while another registry migrates the database", async () => {
    const target = await freshPostgres();
    const other = openPostgres(optionsOf(target));
    const opening = await other.transaction("write", async (query) => {
      await query(other.dialect.migrationLock);
      lines.length = 0;
      const database = openDatabase(postgresConfig(target), log, signal);
      while (lines.length === 0) await Bun.sleep(20);
      return { database };
    });
    expect(lines).toMatchObject([
      {
        message: "the database is being migrated, by this registry or by another",
        migration: migrationNames[0],
      },
    ]);
    await (await opening.database).close();
    await other.close();
  });

  it("refuses a directory that another registry uses", async () => {
    const directory = freshDirectory();
    const database = await openDatabase(sqliteConfig(directory), log, signal);
    cleanUp.push(() => database.close());
    expect((await failureOf(sqliteConfig(directory))).message).toContain(
      "another process is using",
    );
  });

  it("says which right is missing on the schema, and how to give it", async () => {
    const database = await freshPostgres({ grantSchema: false });
    const { message } = await failureOf(postgresConfig(database));
    expect(message).toMatch(/GRANT .+ ON SCHEMA public/);
    expect(message).toContain(database.user);
  });

  it("says of a wrong password which flag to correct, and never shows one", async () => {
    const database = await freshPostgres();
    const { message } = await failureOf(postgresConfig(database, { password: "wrong-secret" }));
    expect(message).toContain("--db-password");
    expect(message).not.toContain("wrong-secret");
  });

  it("says of a file of authorities that it cannot read which flag to correct", async () => {
    const database = await freshPostgres();
    const changes = { tls: "verify-full", tlsCaFile: join(freshDirectory(), "none.pem") };
    const { message } = await failureOf(postgresConfig(database, changes));
    expect(message).toContain("none.pem");
    expect(message).toContain("--db-tls-ca");
  });
});

describe("toWorkError", () => {
  const sqlite = sqliteConfig("/var/lib/registry").database;

  it("says what to do", () => {
    const full = new RegistryError("storage_full", "The disk is full; nothing was stored.");
    const out = new RegistryError("database_unavailable", "It is out; try again later.");
    const malformed = new Error("disk image is malformed");
    for (const [error, message] of [
      [
        databaseTimeout(5000),
        "The database did not answer within 5000 ms; run this again, with a longer --db-timeout " +
          "if need be",
      ],
      [out, "It is out; run this again"],
      [full, "The disk is full; nothing was stored; make room, and run this again"],
      [
        Object.assign(malformed, { code: "SQLITE_CORRUPT" }),
        "the store in /var/lib/registry failed (disk image is malformed); restore it from a backup",
      ],
    ] as const) {
      const told = toWorkError(error, sqlite);
      expect(told).toBeInstanceOf(StartError);
      expect(told).toMatchObject({ message, cause: error });
    }
  });

  it("leaves our own bugs as they are", () => {
    const bug = new TypeError("x is not a function");
    expect(toWorkError(bug, sqlite)).toBe(bug);
    const target = { user: "me", password: "", name: "mine", host: "db.test", port: 5432 };
    expect(toWorkError(bug, postgresConfig(target as TestDatabase).database)).toBe(bug);
  });
});
