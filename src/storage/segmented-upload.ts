import type { BlobHash } from "../domain/blob-key.ts";
import type { BlobUpload, PutReceipt, Segment } from "../domain/blob-store.ts";
import type { Database } from "./database.ts";
import { settleWithStored } from "./stored-upload.ts";
import { claim, registerUpload, removeUpload, touch } from "./uploads.ts";

/** Begins a large upload: its segments are committed as they come, and invisible until `commit`. */
export async function beginSegmentedUpload(database: Database): Promise<BlobUpload> {
  const upload = Bun.randomUUIDv7();
  const { dialect } = database;
  let segmentCount = 0;
  let bytesTotal = 0;
  await registerUpload(database, upload);

  async function append({ hash, data }: Segment): Promise<void> {
    await database.transaction("stream", async (query) => {
      await touch(query, dialect, upload);
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
      if (inserted.length > 0) await claim(query, upload, segmentCount);
      return inserted.length > 0;
    });
    if (!isNew) await settleWithStored(database, hash, { upload, segmentCount, bytesTotal });
    return { created: isNew };
  }

  async function abort(): Promise<void> {
    await removeUpload(database, upload);
  }

  return { append, commit, abort };
}
