import type { Database } from "./database.ts";

/** About how much a database holds. */
export interface DatabaseSize {
  /** Bytes on the disk, indexes and what is not yet reclaimed included. */
  readonly bytes: number;
  /** Blobs, as the database estimates them; null where it does not know. */
  readonly blobs: number | null;
}

/**
 * Asks for the size of a database, which reads no row: a statement of a millisecond, whatever is
 * stored. Fails as every statement does.
 */
export async function estimateSize(database: Database): Promise<DatabaseSize> {
  const [row] = await database.query("health", statements[database.dialect.name]);
  const blobs = row?.["blobs"] ?? null;
  return { bytes: Number(row?.["bytes"] ?? 0), blobs: blobs === null ? null : Number(blobs) };
}

// --- internal ---

const statements = {
  // A table that was never analyzed has no pages and no, or less than no, rows.
  postgres:
    "SELECT sum(pg_total_relation_size(oid)) AS bytes, " +
    "max(reltuples::bigint) FILTER (WHERE relname = 'blobs' AND relpages > 0 AND reltuples >= 0) " +
    "AS blobs FROM pg_class WHERE oid IN " +
    "(to_regclass('blobs'), to_regclass('blob_segments'), to_regclass('uploads'))",
  // Rows are numbered as they come; those that went leave gaps.
  sqlite:
    "SELECT (SELECT page_count FROM pragma_page_count()) * " +
    "(SELECT page_size FROM pragma_page_size()) AS bytes, " +
    "(SELECT coalesce(max(rowid), 0) FROM blobs) AS blobs",
} as const;
