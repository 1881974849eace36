import { readFileSync } from "node:fs";
import { StartError } from "../domain/errors.ts";
import type { Log } from "../domain/log.ts";
import type { Database } from "../storage/database.ts";
import { migrate } from "../storage/migrate.ts";
import { connectPostgres } from "../storage/postgres/connect.ts";
import type { PostgresOptions } from "../storage/postgres/open.ts";
import { toStartError } from "../storage/postgres/start-errors.ts";
import { openSqlite } from "../storage/sqlite/open.ts";
import type { Config } from "./config.ts";
import type { PostgresConfig } from "./postgres-config.ts";

/**
 * Opens the database that the configuration names, and brings its schema up to date.
 * @throws StartError with cause and remedy
 */
export async function openDatabase(
  { database: config }: Config,
  log: Log,
  signal: AbortSignal,
): Promise<Database> {
  if (config.kind === "sqlite") {
    return await migrated(await openSqlite(config), log);
  }
  const options = toPostgresOptions(config);
  const database = await connectPostgres(options, log, signal);
  try {
    return await migrated(database, log);
  } catch (error) {
    throw toStartError(error, options);
  }
}

// --- internal ---

async function migrated(database: Database, log: Log): Promise<Database> {
  try {
    const ran = await migrate(database);
    if (ran.length > 0) log.info("database migrated", { migrations: ran });
    return database;
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
