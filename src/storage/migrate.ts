import { StartError } from "../domain/errors.ts";
import type { Database, Query, Row } from "./database.ts";
import { migrations, type Migration } from "./migrations.ts";

/** The table that records what has run. */
const historyTable = "registry_migrations";

/**
 * Brings the schema up to date and gives the names of what ran. Each migration runs in a
 * transaction of its own, which may take as long as it takes, under a lock that every migrating
 * registry takes. When nothing is pending it only reads: a role that may not create tables can
 * serve.
 * @param onPending is told what will run, by this registry or by one that was faster
 * @throws StartError when the database is from a newer registry, or its history is another one
 */
export async function migrate(
  database: Database,
  steps: readonly Migration[] = migrations[database.dialect.name],
  onPending: (name: string) => void = () => {},
): Promise<string[]> {
  const ran: string[] = [];
  const read: Query = async (text, params) => await database.query("health", text, params);
  for (;;) {
    // Looked at without the lock first, and again under it: another registry may have been faster.
    const first = await pending(database, read, steps);
    if (first === null) return ran;
    onPending(first.name);
    const locked = async (query: Query): Promise<string | null> => {
      await query(database.dialect.migrationLock);
      const next = await pending(database, query, steps);
      if (next !== null) await run(database, query, next);
      return next?.name ?? null;
    };
    const name = await database.transaction("health", locked, { isUnbounded: true });
    if (name !== null) ran.push(name);
  }
}

/** Which migrations have run, and which have not, by name. */
export interface Migrations {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
}

/**
 * Looks which migrations have run; a database that has never seen any has none.
 * @throws StartError as `migrate` does
 */
export async function readMigrations(database: Database, query: Query): Promise<Migrations> {
  const names = migrations[database.dialect.name].map(({ name }) => name);
  const history = await readHistory(database, query, migrations[database.dialect.name]);
  return { applied: names.slice(0, history.length), pending: names.slice(history.length) };
}

// --- internal ---

async function run(database: Database, query: Query, migration: Migration): Promise<void> {
  const { bytes, now } = database.dialect;
  if (migration.version === 1) {
    await query(
      `CREATE TABLE ${historyTable} (version integer PRIMARY KEY, name text NOT NULL, ` +
        `checksum text NOT NULL, applied_at ${bytes === "bytea" ? "timestamptz" : "integer"} ` +
        `NOT NULL DEFAULT (${now}))`,
    );
  }
  await query(migration.text);
  await query(`INSERT INTO ${historyTable} (version, name, checksum) VALUES ($1, $2, $3)`, [
    migration.version,
    migration.name,
    checksumOf(migration),
  ]);
}

/** The first migration that has not run; null when there is none. */
async function pending(
  database: Database,
  query: Query,
  steps: readonly Migration[],
): Promise<Migration | null> {
  const history = await readHistory(database, query, steps);
  return steps[history.length] ?? null;
}

/** A row for each migration that has run; checked against those that are known. */
async function readHistory(
  database: Database,
  query: Query,
  steps: readonly Migration[],
): Promise<readonly Row[]> {
  const exists = await query(database.dialect.tableExists, [historyTable]);
  if (exists.length === 0) return [];
  const history = await query(
    `SELECT version, name, checksum FROM ${historyTable} ORDER BY version`,
  );
  for (const row of history) checkAgainst(row, steps);
  return history;
}

function checkAgainst(row: Row, steps: readonly Migration[]): void {
  const version = Number(row["version"]);
  const step = steps[version - 1];
  if (step === undefined) {
    throw new StartError(
      `the database is from a newer registry (it has migration ${String(row["name"])}, this one ` +
        `knows ${steps.length}); run that registry, or restore a backup from before`,
    );
  }
  if (row["checksum"] !== checksumOf(step)) {
    throw new StartError(
      `migration ${step.name} in the database is not the one this registry has; ` +
        "it was made by another program: choose another database with --db-name",
    );
  }
}

function checksumOf(migration: Migration): string {
  return new Bun.CryptoHasher("sha256").update(migration.text).digest("hex");
}
