import { RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import type { Database, Dialect, Lane, Query } from "./database.ts";

/** Segments removed by one statement: what a statement's deadline allows with room to spare. */
const segmentsPerDelete = 64;

/** By which blobs are found by their uploads; migration 0002 leaves it out of a large table. */
const ownerIndex = "blobs_upload";

/** Whether the blob that has an upload's segments can be found without reading all blobs. */
export async function canFindOwners(database: Database, lane: Lane): Promise<boolean> {
  const found = await database.query(lane, database.dialect.indexExists, [ownerIndex]);
  return found.length > 0;
}

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

/** Removes an upload that nobody else uses, and its segments, a few in each transaction. */
export async function removeUpload(database: Database, upload: string): Promise<void> {
  await removeWhile(database, upload, "");
}

/** The database's clock: ms since 1970. */
export async function databaseTimeMs(database: Database): Promise<number> {
  const { epochMs, now } = database.dialect;
  const [row] = await database.query("health", `SELECT ${epochMs(now)} AS ms`);
  return Number(row?.["ms"]);
}

/**
 * Removes the uploads that nobody had touched for an hour at `nowMs` of the database's clock, and
 * stops where one shows to be alive; gives how many. An upload that loses segments so can no longer
 * be committed. Where that costs little, it is made sure that no blob has the segments, which a
 * restored or edited database may claim.
 */
export async function sweepUploads(database: Database, nowMs: number): Promise<number> {
  const idleSinceMs = nowMs - limits.uploadIdleMsMax;
  const idle = `${database.dialect.epochMs("touched_at")} < ${idleSinceMs}`;
  const isOwned = "SELECT 1 FROM blobs b WHERE b.upload = uploads.upload LIMIT 1";
  const isChecked = await canFindOwners(database, "health");
  const condition = isChecked ? `${idle} AND (${isOwned}) IS NULL` : idle;
  let swept = 0;
  let failure: { readonly error: unknown } | null = null;
  const found = await database.query(
    "health",
    `SELECT upload FROM uploads WHERE ${condition} LIMIT ${limits.uploadsPerSweepMax}`,
  );
  for (const row of found) {
    try {
      if (await removeWhile(database, String(row["upload"]), ` AND ${condition}`)) swept += 1;
    } catch (error) {
      // One that cannot be removed, by damage to the disk, shall not keep the others for ever.
      if (error instanceof RegistryError) throw error;
      failure ??= { error };
    }
  }
  if (failure !== null && swept === 0) throw failure.error;
  return swept;
}

// --- internal ---

/** Whether the upload was removed, and had not been before. */
async function removeWhile(
  database: Database,
  upload: string,
  condition: string,
): Promise<boolean> {
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
