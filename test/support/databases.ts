import { rmSync } from "node:fs";
import type { Database } from "../../src/storage/database.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { openPostgres, type PostgresOptions } from "../../src/storage/postgres/open.ts";
import { openSqlite } from "../../src/storage/sqlite/open.ts";
import { hasPostgres, type PostgresVersion } from "./postgres-binaries.ts";
import {
  type PostgresServer,
  sharedPostgres,
  startPostgres,
  type TestDatabase,
} from "./postgres.ts";
import { temporaryDirectory } from "./registry.ts";

/** A database of its own for one test or file. */
export interface OwnDatabase {
  readonly database: Database;
  /** Closes the connections, and removes all of it. */
  remove(): Promise<void>;
}

/** A kind of database that the store runs on. */
export interface DatabaseKind {
  readonly name: string;
  /** Whether it can be run here. */
  readonly isHere: boolean;
  /** A new one, its schema up to date. */
  open(): Promise<OwnDatabase>;
}

const versions: readonly PostgresVersion[] = ["debian-or-newest", "12", "newest"];

/** Every kind that the registry promises to run on. */
export const databaseKinds: readonly DatabaseKind[] = [
  { name: "SQLite", isHere: true, open: openOwnSqlite },
  ...versions.map((version) => ({
    name: `PostgreSQL ${version}`,
    isHere: hasPostgres(version),
    open: async () => await openOwnPostgres(await serverOf(version)),
  })),
];

/** One of each: for what is the same on every PostgreSQL. */
export const twoKinds: readonly DatabaseKind[] = databaseKinds.slice(0, 2);

/** An embedded store in a directory of its own, its schema up to date. */
async function openOwnSqlite(): Promise<OwnDatabase> {
  const directory = temporaryDirectory();
  const database = await openSqlite({ directory });
  await migrate(database);
  return {
    database,
    async remove() {
      await database.close();
      rmSync(directory, { recursive: true });
    },
  };
}

/** A database of its own on `server`, its schema up to date. */
export async function openOwnPostgres(
  server: PostgresServer,
  options: Partial<PostgresOptions> = {},
): Promise<OwnDatabase & { readonly target: TestDatabase }> {
  const target = await server.createDatabase();
  const database = openPostgres(optionsOf(target, options));
  await migrate(database);
  return {
    target,
    database,
    async remove() {
      await database.close();
      await target.drop();
    },
  };
}

/** How to reach a database of the harness. */
export function optionsOf(
  { user, password, name, host, port }: TestDatabase,
  options: Partial<PostgresOptions> = {},
): PostgresOptions {
  return {
    user,
    password,
    name,
    host,
    port,
    tls: "disable",
    tlsCa: null,
    poolMax: 8,
    connectTimeoutMs: 10_000,
    timeoutMs: 20_000,
    ...options,
  };
}

/** The server of a version, one for the whole test run. */
export async function serverOf(version: PostgresVersion): Promise<PostgresServer> {
  if (version === "debian-or-newest") return await sharedPostgres();
  // On globalThis, because the same module may be loaded anew for another test file.
  const holder = globalThis as { myceliumServers?: Map<string, Promise<PostgresServer>> };
  holder.myceliumServers ??= new Map();
  const known = holder.myceliumServers.get(version) ?? startPostgres({ version });
  holder.myceliumServers.set(version, known);
  return await known;
}
