import type { Dialect } from "../database.ts";

/** "mycelium" in ASCII: the advisory lock that migrating registries share. */
const migrationLockKey = "0x6d7963656c69756d";

/** PostgreSQL 12 and later. */
export const postgresDialect: Dialect = {
  name: "postgres",
  bytes: "bytea",
  uuid: "uuid",
  now: "now()",
  epochMs: (column) => `CAST(extract(epoch FROM ${column}) * 1000 AS double precision)`,
  ageMs: (column) => `CAST(extract(epoch FROM now() - ${column}) * 1000 AS double precision)`,
  migrationLock: `SELECT pg_advisory_xact_lock(${BigInt(migrationLockKey)})`,
  tableExists: "SELECT 1 AS found WHERE to_regclass(CAST($1 AS text)) IS NOT NULL",
};
