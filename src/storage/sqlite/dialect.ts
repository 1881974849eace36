import { codeOf } from "../../domain/errors.ts";
import type { Dialect } from "../database.ts";

const nowMs = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

/** SQLite, as Bun carries it. Times are integers: milliseconds since 1970. */
export const sqliteDialect: Dialect = {
  name: "sqlite",
  bytes: "blob",
  uuid: "text",
  now: nowMs,
  epochMs: (column) => column,
  joinBlobs: (prefix) =>
    `JOIN blobs b ON b.hash >= ${prefix} ` +
    `AND b.hash <= CAST(${prefix} || x'${"ff".repeat(16)}' AS BLOB)`,
  migrationLock: "SELECT 1", // the lock on the directory holds everybody else off
  tableExists: "SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = $1",
  indexExists: "SELECT 1 AS found FROM sqlite_master WHERE type = 'index' AND name = $1",
  readOnly: "SELECT 1", // whoever means it opens the file for reading
  holdRows: () => "", // a transaction has all rows to itself
  isConflict: () => false,
  // It is this process's own.
  isUnreachable: () => false,
  isDamage: (thrown) => /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(thrown)),
};
