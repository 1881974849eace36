import { readFileSync } from "node:fs";
import { codeOf, reasonOf, RegistryError, StartError, type ErrorCode } from "../domain/errors.ts";
import type { Log } from "../domain/log.ts";
import type { Database, Query } from "../storage/database.ts";
import { migrate, readMigrations } from "../storage/migrate.ts";
import { connectPostgres } from "../storage/postgres/connect.ts";
import type { PostgresOptions } from "../storage/postgres/open.ts";
import { failureBehind, toStartError } from "../storage/postgres/start-errors.ts";
import { openSqlite, openSqliteToRead } from "../storage/sqlite/open.ts";
import type { Config } from "./config.ts";
import type { PostgresConfig } from "./postgres-config.ts";
import { parseCertificates } from "./tls-identity.ts";

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
  if (config.kind === "sqlite") return await migrated(await openSqlite(config), log);
  const options = toPostgresOptions(config);
  const database = await connectPostgres(options, log, signal);
  return await migrated(database, log, async (error) => {
    return await whyNotMigrated(database, error, options);
  });
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
    return new StartError(`${reasonOf(error)}; ${remedyOf(error.code)}`, { cause: error });
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

/** @param explain turns what a migration failed with into what is told, while all is still open */
async function migrated(
  database: Database,
  log: Log,
  explain: (error: unknown) => Promise<unknown> = async (error) => error,
): Promise<MigratedDatabase> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = (migration: string): void => {
    clearTimeout(timer);
    timer = setTimeout(() => log.info(longMessage, { migration }), longMs);
  };
  try {
    return { database, ran: await migrate(database, undefined, tell) };
  } catch (error) {
    const why = await explain(error);
    await database.close();
    throw why;
  } finally {
    clearTimeout(timer);
  }
}

const longMessage = "the database is being migrated, by this registry or by another";
/** Sooner, nobody wonders. */
const longMs = 1000;

/** A user that may serve, but not change tables, is told who is to do it (docs/security.md). */
async function whyNotMigrated(
  database: Database,
  error: unknown,
  options: PostgresOptions,
): Promise<StartError> {
  const why = toStartError(error, options);
  const failure = failureBehind(error);
  if (failure?.sqlState !== "42501") return why;
  const read: Query = async (text, params) => await database.query("health", text, params);
  const history = await readMigrations(database, read).catch(() => null);
  const { applied, pending } = history ?? { applied: [], pending: [] };
  if (applied.length === 0 || pending.length === 0) return why;
  return new StartError(
    `the database lacks ${pending.join(", ")}, and user "${options.user}" may not change ` +
      `its tables (${failure.message}); run registry migrate as the user that owns them`,
    { cause: error },
  );
}

function toPostgresOptions(config: PostgresConfig): PostgresOptions {
  const { tlsCaFile, ...options } = config;
  return { ...options, tlsCa: tlsCaFile === null ? null : readCa(tlsCaFile) };
}

/** The driver says of a text without certificates that the server's one is not accepted. */
function readCa(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`cannot read ${path} (${reason}); correct --db-tls-ca`, { cause: error });
  }
  parseCertificates(text, { flag: "--db-tls-ca", path });
  return text;
}
