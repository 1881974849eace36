import type { Database, Query } from "./database.ts";
import { retire } from "./uploads.ts";

/** One part of the walk through everything that has segments. */
export interface OrphanWalk {
  /** Uploads whose segments nobody has: no blob, no quarantined one, no upload under way. */
  readonly orphans: readonly string[];
  /** Where the next part begins; null: this was the last. */
  readonly next: string | null;
}

/**
 * Looks at the next `uploadsMax` uploads that have segments, in their order: four index look-ups
 * each, all in one statement; for where `canFindOwners` says so. An upload under way has a row in
 * `uploads` until the transaction that makes its blob, so that one glance tells an orphan from it;
 * and without that row it can never become a blob's: once an orphan, always an orphan.
 */
export async function walkOrphans(
  query: Query,
  after: string | null,
  uploadsMax: number,
): Promise<OrphanWalk> {
  const rows = await query(
    after === null ? walkText("") : walkText("WHERE s.upload > $2"),
    after === null ? [uploadsMax] : [uploadsMax, after],
  );
  const orphans = rows.filter((row) => Number(row["is_owned"]) === 0);
  const last = rows.length < uploadsMax ? undefined : rows.at(-1);
  return {
    orphans: orphans.map((row) => String(row["upload"])),
    next: last === undefined ? null : String(last["upload"]),
  };
}

/**
 * Gives orphans among the next `uploadsMax` uploads to the sweeper, which removes them when they
 * have been so for an hour. Any number of registries may do so at once.
 */
export async function retireOrphans(
  database: Database,
  after: string | null,
  uploadsMax: number,
): Promise<OrphanWalk> {
  const walk = await walkOrphans(
    async (text, params) => await database.query("health", text, params),
    after,
    uploadsMax,
  );
  for (const upload of walk.orphans) {
    await database.transaction("health", async (query) => {
      await retire(query, database.dialect, upload);
    });
  }
  return walk;
}

// --- internal ---

/** From one upload to the next by the primary key, past all segments that each has. */
function walkText(begin: string): string {
  return (
    "WITH RECURSIVE walk(upload, step) AS (" +
    `SELECT (SELECT s.upload FROM blob_segments s ${begin} ORDER BY s.upload LIMIT 1), 1 ` +
    "UNION ALL SELECT (SELECT s.upload FROM blob_segments s WHERE s.upload > walk.upload " +
    "ORDER BY s.upload LIMIT 1), walk.step + 1 " +
    "FROM walk WHERE walk.upload IS NOT NULL AND walk.step < $1) " +
    "SELECT walk.upload, CASE " +
    `${["uploads", "blobs", "quarantined_blobs"].map(hasIt).join(" ")} ELSE 0 END AS is_owned ` +
    "FROM walk WHERE walk.upload IS NOT NULL ORDER BY walk.step"
  );
}

function hasIt(table: string): string {
  return `WHEN (SELECT 1 FROM ${table} o WHERE o.upload = walk.upload LIMIT 1) IS NOT NULL THEN 1`;
}
