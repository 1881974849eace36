import type { Log } from "../domain/log.ts";
import { createHashing } from "../hashing/blake3.ts";
import { emptyCensus, takeCensus, type Census } from "../storage/census.ts";
import type { Database } from "../storage/database.ts";
import { rekey, type RekeyCounts, type RekeyOptions } from "../storage/rekey.ts";
import {
  openDatabaseToRead,
  openMigrated,
  toWorkError,
  type DatabaseConfig,
} from "./open-database.ts";

/** What is in a database. */
export type DatabaseCensus = Census;

/** What rekeying has done. */
export type RekeyReport = RekeyCounts;

/** Whom rekeying tells. */
export type RekeyObserver = Pick<RekeyOptions, "onBad" | "onProgress">;

/**
 * Brings the schema up to date, and gives the names of the migrations that ran.
 * @throws StartError with cause and remedy
 */
export async function migrateDatabase(
  config: DatabaseConfig,
  log: Log,
): Promise<readonly string[]> {
  const { database, ran } = await openMigrated(withFewConnections(config), log);
  await database.close();
  return ran;
}

/**
 * Says what is in a database, whichever registry made it, and changes nothing.
 * @param onProgress is told which part (0 to 1) of the blobs has been counted
 * @throws StartError with cause and remedy
 */
export async function surveyDatabase(
  config: DatabaseConfig,
  log: Log,
  onProgress: (part: number) => void,
): Promise<DatabaseCensus> {
  const database = await openDatabaseToRead(withFewConnections(config), log);
  if (database === null) {
    const directory = config.kind === "sqlite" ? config.directory : undefined;
    log.warn("there is no store in this directory yet", { directory });
    return emptyCensus(config.kind);
  }
  return await worked(config, database, async () => await takeCensus(database, onProgress));
}

/**
 * Brings the schema up to date, and gives rows kept under 16 bytes their whole hash.
 * @throws StartError with cause and remedy; what was done is kept
 */
export async function rekeyDatabase(
  config: DatabaseConfig,
  log: Log,
  observer: RekeyObserver,
): Promise<RekeyReport> {
  const { database, ran } = await openMigrated(withFewConnections(config), log);
  if (ran.length > 0) log.info("database migrated", { migrations: ran });
  const hashing = createHashing();
  return await worked(
    config,
    database,
    async () => await rekey(database, { ...observer, hashing }),
  );
}

// --- internal ---

/** The least that can be opened: one connection does all the work. */
const connectionsMin = 4;

function withFewConnections(config: DatabaseConfig): DatabaseConfig {
  return config.kind === "postgres" ? { ...config, poolMax: connectionsMin } : config;
}

async function worked<T>(
  config: DatabaseConfig,
  database: Database,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toWorkError(error, config);
  } finally {
    await database.close();
  }
}
