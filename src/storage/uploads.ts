import { limits } from "../domain/limits.ts";
import type { Database, Dialect, Query } from "./database.ts";

/** Segments removed by one statement: what a statement's deadline allows with room to spare. */
const segmentsPerDelete = 64;

/** Notes, in a transaction, that nothing refers to an upload any more: the sweeper takes it later. */
export async function retire(query: Query, dialect: Dialect, upload: string): Promise<void> {
  await query(
    `INSERT INTO uploads (upload) SELECT CAST($1 AS ${dialect.uuid}) WHERE true ` +
      "ON CONFLICT DO NOTHING",
    [upload],
  );
}

/**
 * Removes an upload and its segments, a few in each transaction. With `onlyIdle`, stops as soon as
 * the upload shows to be alive. An upload that loses segments so can no longer be committed.
 */
export async function removeUpload(
  database: Database,
  upload: string,
  onlyIdle: boolean,
): Promise<boolean> {
  const age = database.dialect.ageMs("touched_at");
  const condition = onlyIdle ? ` AND ${age} > ${limits.uploadIdleMsMax}` : "";
  for (;;) {
    const step = await database.transaction("health", async (query) => {
      // Changes nothing, but holds the row: a commit of this upload waits, or has been.
      const { count } = await query(
        `UPDATE uploads SET touched_at = touched_at WHERE upload = $1${condition}`,
        [upload],
      );
      if (count === 0) return "alive";
      const deleted = await query(
        "DELETE FROM blob_segments WHERE upload = $1 AND n IN " +
          "(SELECT n FROM blob_segments WHERE upload = $1 ORDER BY n LIMIT $2)",
        [upload, segmentsPerDelete],
      );
      if (deleted.count === segmentsPerDelete) return "more";
      await query("DELETE FROM uploads WHERE upload = $1", [upload]);
      return "removed";
    });
    if (step !== "more") return step === "removed";
  }
}

/** Removes the uploads that nobody has touched for an hour; gives how many. */
export async function sweepUploads(database: Database): Promise<number> {
  const age = database.dialect.ageMs("touched_at");
  let swept = 0;
  const idle = await database.query(
    "health",
    `SELECT upload FROM uploads WHERE ${age} > ${limits.uploadIdleMsMax} LIMIT 1000`,
  );
  for (const row of idle) {
    if (await removeUpload(database, String(row["upload"]), true)) swept += 1;
  }
  return swept;
}
