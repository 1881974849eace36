import type { BlobHash } from "../domain/blob-key.ts";
import type { BlobUpload, PutReceipt, Segment } from "../domain/blob-store.ts";
import { RegistryError } from "../domain/errors.ts";
import type { Database, Query } from "./database.ts";
import { removeUpload, retire } from "./uploads.ts";

/** Segments compared by one statement when a blob is there already. */
const segmentsPerComparison = 16;

/** Begins a large upload: its segments are committed as they come, and invisible until `commit`. */
export async function beginSegmentedUpload(database: Database): Promise<BlobUpload> {
  const upload = Bun.randomUUIDv7();
  const { dialect } = database;
  let segmentCount = 0;
  let bytesTotal = 0;
  await database.query(
    "write",
    `INSERT INTO uploads (upload) SELECT CAST($1 AS ${dialect.uuid}) RETURNING upload`,
    [upload],
  );

  async function append({ hash, data }: Segment): Promise<void> {
    await database.transaction("stream", async (query) => {
      const { count } = await query(
        `UPDATE uploads SET touched_at = ${dialect.now} WHERE upload = $1`,
        [upload],
      );
      if (count !== 1) throw expired();
      await query("INSERT INTO blob_segments (upload, n, hash, data) VALUES ($1, $2, $3, $4)", [
        upload,
        segmentCount,
        hash,
        data,
      ]);
    });
    segmentCount += 1;
    bytesTotal += data.length;
  }

  async function commit(hash: BlobHash): Promise<PutReceipt> {
    const isNew = await database.transaction("write", async (query) => {
      const inserted = await query(
        `INSERT INTO blobs (hash, data, size, upload) SELECT CAST($1 AS ${dialect.bytes}), ` +
          `CAST($2 AS ${dialect.bytes}), CAST($3 AS bigint), CAST($4 AS ${dialect.uuid}) ` +
          "WHERE true ON CONFLICT DO NOTHING RETURNING hash",
        [hash, new Uint8Array(0), bytesTotal, upload],
      );
      if (inserted.length > 0) await claim(query);
      return inserted.length > 0;
    });
    if (!isNew) await settleWithStored(hash);
    return { created: isNew };
  }

  /** Takes the upload out of the sweeper's reach; fails when the sweeper has been there. */
  async function claim(query: Query): Promise<void> {
    const { count } = await query("DELETE FROM uploads WHERE upload = $1", [upload]);
    const segments = await query("SELECT count(*) AS total FROM blob_segments WHERE upload = $1", [
      upload,
    ]);
    if (count !== 1 || Number(segments[0]?.["total"]) !== segmentCount) throw expired();
  }

  /**
   * The blob is there already. The database compares what it stored then with what it stored now,
   * which is known good: equal bytes stay and ours go; otherwise the row takes ours.
   */
  async function settleWithStored(hash: BlobHash): Promise<void> {
    const rows = await database.query("stream", "SELECT upload, size FROM blobs WHERE hash = $1", [
      hash,
    ]);
    const [row] = rows;
    const stored = row === undefined || row["upload"] === null ? null : String(row["upload"]);
    if (stored !== null && Number(row?.["size"]) === bytesTotal && (await equals(stored))) {
      await abort();
      return;
    }
    await database.transaction("write", async (query) => {
      const { count } = await query(
        `UPDATE blobs SET data = $2, size = $3, upload = CAST($4 AS ${dialect.uuid}) WHERE hash = $1`,
        [hash, new Uint8Array(0), bytesTotal, upload],
      );
      if (count !== 1) throw expired(); // deleted meanwhile: the client may send it again
      await claim(query);
      if (stored !== null) await retire(query, dialect, stored);
    });
  }

  async function equals(stored: string): Promise<boolean> {
    for (let first = 0; first < segmentCount; first += segmentsPerComparison) {
      const end = Math.min(first + segmentsPerComparison, segmentCount);
      const rows = await database.query(
        "stream",
        "SELECT count(*) AS total FROM blob_segments a JOIN blob_segments b " +
          "ON b.n = a.n AND b.hash = a.hash AND b.data = a.data " +
          "WHERE a.upload = $1 AND b.upload = $2 AND a.n >= $3 AND a.n < $4",
        [upload, stored, first, end],
      );
      if (Number(rows[0]?.["total"]) !== end - first) return false;
    }
    return true;
  }

  async function abort(): Promise<void> {
    await removeUpload(database, upload, false);
  }

  return { append, commit, abort };
}

// --- internal ---

function expired(): RegistryError {
  return new RegistryError(
    "upload_expired",
    "The upload took too long, or its blob was removed meanwhile; nothing was stored. Send it again.",
  );
}
