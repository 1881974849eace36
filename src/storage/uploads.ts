import { RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import type { Database, Dialect, Query } from "./database.ts";

/** Segments removed by one statement: what a statement's deadline allows with room to spare. */
const segmentsPerDelete = 64;

/** Notes that an upload begins. */
export async function registerUpload(database: Database, upload: string): Promise<void> {
  await database.transaction("stream", async (query) => {
    await retire(query, database.dialect, upload);
  });
}

/** Notes, in a transaction, that no blob has the segments of an upload: the sweeper takes them. */
export async function retire(query: Query, dialect: Dialect, upload: string): Promise<void> {
  await query(
    `INSERT INTO uploads (upload) SELECT CAST($1 AS ${dialect.uuid}) WHERE true ` +
      "ON CONFLICT DO NOTHING",
    [upload],
  );
}

/** Notes that an upload is alive. @throws RegistryError `upload_expired` when it has been swept */
export async function touch(query: Query, dialect: Dialect, upload: string): Promise<void> {
  const { count } = await query(
    `UPDATE uploads SET touched_at = ${dialect.now} WHERE upload = $1`,
    [upload],
  );
  if (count !== 1) throw uploadExpired();
}

/**
 * Takes a whole upload out of the sweeper's reach: the transaction makes a blob of it.
 * @throws RegistryError `upload_expired` when the sweeper has been there
 */
export async function claim(query: Query, upload: string, segmentCount: number): Promise<void> {
  const { count } = await query("DELETE FROM uploads WHERE upload = $1", [upload]);
  const [row] = await query("SELECT count(*) AS total FROM blob_segments WHERE upload = $1", [
    upload,
  ]);
  if (count !== 1 || Number(row?.["total"]) !== segmentCount) throw uploadExpired();
}

/** The failure of an upload whose segments, or whose blob, went while it was under way. */
export function uploadExpired(): RegistryError {
  return new RegistryError(
    "upload_expired",
    "The upload took too long, or its blob was removed meanwhile; send it again.",
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
