import type { Dialect } from "../database.ts";
import { isDamage, isUniqueViolation, isUnreachable } from "./errors.ts";

/** "mycelium" in ASCII: the advisory lock that migrating registries share. */
const migrationLockKey = "0x6d7963656c69756d";

/** PostgreSQL 12 and later. */
export const postgresDialect: Dialect = {
  name: "postgres",
  bytes: "bytea",
  uuid: "uuid",
  now: "now()",
  // Not extract, which computes in numeric from PostgreSQL 14 on.
  epochMs: (column) => `date_part('epoch', ${column}) * 1000`,
  // A plain join would do, but its planner takes a range between columns for a ninth of the table
  // and reads all of it. Nobody can make more blobs than these share their first 16 bytes.
  joinBlobs: (prefix) =>
    `CROSS JOIN LATERAL (SELECT * FROM blobs WHERE hash >= ${prefix} ` +
    `AND hash <= ${prefix} || CAST('\\x${"ff".repeat(16)}' AS bytea) ORDER BY hash LIMIT 16) b`,
  // Whoever holds it may build an index for an hour; what a migration itself waits for may not.
  migrationLock:
    "SET LOCAL lock_timeout = 0; " +
    `SELECT pg_advisory_xact_lock(${BigInt(migrationLockKey)}); ` +
    "SET LOCAL lock_timeout TO DEFAULT",
  // Not to_regclass: it would remember, in this session, that the table was not there before the
  // migration lock was waited for.
  tableExists: "SELECT 1 AS found FROM pg_class WHERE relname = $1 AND pg_table_is_visible(oid)",
  // One whose concurrent making broke off is there, but not valid.
  indexExists:
    "SELECT 1 AS found FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid " +
    "WHERE c.relname = $1 AND pg_table_is_visible(c.oid) AND i.indisvalid",
  readOnly: "SET TRANSACTION READ ONLY",
  holdRows: (table) => ` FOR UPDATE OF ${table}`,
  isConflict: isUniqueViolation,
  isUnreachable,
  isDamage,
};
