import type { BlobHash } from "../domain/blob-key.ts";
import type { Database } from "./database.ts";
import { claim, removeUpload, retire, uploadExpired } from "./uploads.ts";

/** Segments compared by one statement. */
const segmentsPerComparison = 16;

/** An upload whose segments are all there. */
export interface WholeUpload {
  readonly upload: string;
  readonly segmentCount: number;
  readonly bytesTotal: number;
}

/**
 * Ends the upload of a blob that is there already. The database compares what it stored then with
 * what it stored now, which is known to be good, so that no byte travels: equal segments stay and
 * the new ones go; otherwise the row takes the new ones.
 */
export async function settleWithStored(
  database: Database,
  hash: BlobHash,
  ours: WholeUpload,
): Promise<void> {
  const { upload, segmentCount, bytesTotal } = ours;
  const [row] = await database.query("stream", "SELECT upload, size FROM blobs WHERE hash = $1", [
    hash,
  ]);
  const stored = row?.["upload"] ?? null;
  const isSameSize = Number(row?.["size"]) === bytesTotal;
  if (stored !== null && isSameSize && (await equals(database, String(stored), ours))) {
    await removeUpload(database, upload);
    return;
  }
  const { bytes, uuid } = database.dialect;
  await database.transaction("write", async (query) => {
    // Changes nothing, but holds the row: another upload may have replaced what was compared.
    const [held] = await query("UPDATE blobs SET size = size WHERE hash = $1 RETURNING upload", [
      hash,
    ]);
    if (held === undefined) throw uploadExpired(); // the blob was removed meanwhile
    await query(
      `UPDATE blobs SET data = CAST($2 AS ${bytes}), size = $3, upload = CAST($4 AS ${uuid}) ` +
        "WHERE hash = $1",
      [hash, new Uint8Array(0), bytesTotal, upload],
    );
    await claim(query, upload, segmentCount);
    const replaced = held["upload"] ?? null;
    if (replaced !== null) await retire(query, database.dialect, String(replaced));
  });
}

// --- internal ---

async function equals(database: Database, stored: string, ours: WholeUpload): Promise<boolean> {
  const { upload, segmentCount } = ours;
  // More than ours would stay for good, though no reader asks for them.
  const count = "SELECT count(*) AS total FROM blob_segments WHERE upload = $1";
  const [there] = await database.query("stream", count, [stored]);
  if (Number(there?.["total"]) !== segmentCount) return false;
  for (let first = 0; first < segmentCount; first += segmentsPerComparison) {
    const end = Math.min(first + segmentsPerComparison, segmentCount);
    const [row] = await database.query(
      "stream",
      "SELECT count(*) AS total FROM blob_segments a JOIN blob_segments b " +
        "ON b.n = a.n AND b.hash = a.hash AND b.data = a.data " +
        "WHERE a.upload = $1 AND b.upload = $2 AND a.n >= $3 AND a.n < $4",
      [upload, stored, first, end],
    );
    if (Number(row?.["total"]) !== end - first) return false;
  }
  return true;
}
