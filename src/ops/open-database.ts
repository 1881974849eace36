import { readFileSync } from "node:fs";
import { codeOf, RegistryError, StartError, type ErrorCode } from "../domain/errors.ts";
import type { Log } from "../domain/log.ts";
import type { Database } from "../storage/database.ts";
import { migrate, readMigrations } from "../storage/migrate.ts";
import { connectPostgres } from "../storage/postgres/connect.ts";
import type { PostgresOptions } from "../storage/postgres/open.ts";
import { failureBehind, toStartError } from "../storage/postgres/start-errors.ts";
import { openSqlite, openSqliteToRead } from "../storage/sqlite/open.ts";
import type { Config } from "./config.ts";
import type { PostgresConfig } from "./postgres-config.ts";

/** What names a database. */
export type DatabaseConfig = Config["database"];

/**
 * Opens the database that the configuration names, and brings its schema up to date; where it is to
 * be read only, makes sure that it is.
 * @throws StartError with cause and remedy
 */
export async function openDatabase(
  { database: config, readOnly }: Pick<Config, "database" | "readOnly">,
  log: Log,
  signal: AbortSignal,
): Promise<Database> {
  if (readOnly) return await openUpToDate(config, log, signal);
  const { database, ran } = await openMigrated(config, log, signal);
  if (ran.length > 0) log.info("database migrated", { migrations: ran });
  return database;
}

/** A database whose schema is up to date, and the names of the migrations that it took. */
export interface MigratedDatabase {
  readonly database: Database;
  readonly ran: readonly string[];
}

/** As `openDatabase`, and tells which migrations ran. */
export async function openMigrated(
  config: DatabaseConfig,
  log: Log,
  signal?: AbortSignal,
): Promise<MigratedDatabase> {
  if (config.kind === "sqlite") return await migrated(await openSqlite(config));
  const options = toPostgresOptions(config);
  const database = await connectPostgres(options, log, signal);
  try {
    return await migrated(database);
  } catch (error) {
    throw toStartError(error, options);
  }
}

/**
 * Opens the database as it is, to look at it: nothing is made or changed. Null where there is no
 * such embedded store.
 * @throws StartError with cause and remedy
 */
export async function openDatabaseToRead(
  config: DatabaseConfig,
  log: Log,
  signal?: AbortSignal,
): Promise<Database | null> {
  if (config.kind === "sqlite") return await openSqliteToRead(config);
  return await connectPostgres(toPostgresOptions(config), log, signal);
}

/**
 * Opens the database as it is, to read it: nothing is made or changed.
 * @throws StartError with cause and remedy, also where its schema is not up to date
 */
export async function openUpToDate(
  config: DatabaseConfig,
  log: Log,
  signal?: AbortSignal,
): Promise<Database> {
  const database = await openDatabaseToRead(config, log, signal);
  if (database === null) {
    const directory = config.kind === "sqlite" ? config.directory : "";
    throw new StartError(`there is no store in ${directory}; correct --embedded`);
  }
  try {
    const { pending } = await readMigrations(
      database,
      async (text, params) => await database.query("health", text, params),
    );
    if (pending.length === 0) return database;
    throw new StartError(
      `the database lacks ${pending.join(", ")}; run registry migrate first, or start the server`,
    );
  } catch (error) {
    await database.close();
    throw toWorkError(error, config);
  }
}

/**
 * What work on an open database failed with, as an operator is told: a StartError with cause and
 * remedy, or the error as it is when it is our own bug.
 */
export function toWorkError(error: unknown, config: DatabaseConfig): unknown {
  if (error instanceof RegistryError) {
    const why = error.message.replace(/(; try again later)?\.$/, "");
    return new StartError(`${why}; ${remedyOf(error.code)}`, { cause: error });
  }
  if (config.kind === "postgres") {
    return failureBehind(error) === null ? error : toStartError(error, toPostgresOptions(config));
  }
  if (!(error instanceof Error) || !codeOf(error).startsWith("SQLITE_")) return error;
  const why = `the store in ${config.directory} failed (${error.message})`;
  return new StartError(`${why}; restore it from a backup`, { cause: error });
}

// --- internal ---

function remedyOf(code: ErrorCode): string {
  if (code === "storage_full") return "make room, and run this again";
  const isLate = code === "database_timeout";
  return `run this again${isLate ? ", with a longer --db-timeout if need be" : ""}`;
}

async function migrated(database: Database): Promise<MigratedDatabase> {
  try {
    return { database, ran: await migrate(database) };
  } catch (error) {
    await database.close();
    throw error;
  }
}

function toPostgresOptions(config: PostgresConfig): PostgresOptions {
  const { tlsCaFile, ...options } = config;
  return { ...options, tlsCa: tlsCaFile === null ? null : readCa(tlsCaFile) };
}

function readCa(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`cannot read ${file} (${reason}); correct --db-tls-ca`, { cause: error });
  }
}
