import { bytesEqual, compareBytes, toHex } from "../domain/bytes.ts";
import type { BlobKey } from "../domain/blob-key.ts";
import type { NewBlob, PutReceipt } from "../domain/blob-store.ts";
import type { Database, Param, Query } from "./database.ts";
import { toBytes } from "./blob-rows.ts";
import { retire } from "./uploads.ts";
import { pad, paddedCount, textsByRowCount, valuesTable } from "./values.ts";

/**
 * Stores blobs that may be there already, in one statement. A blob that the Rust registry keeps
 * under its first 16 bytes is there already.
 */
export async function insertBlobs(
  database: Database,
  blobs: readonly NewBlob[],
): Promise<PutReceipt[]> {
  if (blobs.length === 0) return [];
  // In the order of the index: two statements with the same blobs cannot wait for each other.
  const sorted = blobs.toSorted((a, b) => compareBytes(a.hash, b.hash));
  const params: Param[] = [];
  let rowCount = 0;
  for (const [index, { hash, data }] of sorted.entries()) {
    if (index > 0 && bytesEqual(hash, sorted[index - 1]?.hash ?? nothing)) continue;
    params.push(hash, data);
    rowCount += 1;
  }
  pad(params, rowCount, nothingIncoming);
  const text = insertTexts(database.dialect, paddedCount(rowCount));
  const inserted = await database.query("write", text, params);
  if (inserted.length === 0) return blobs.map(() => known);
  if (inserted.length === blobs.length) return blobs.map(() => created);
  const createdHashes = new Set(inserted.map((row) => toHex(toBytes(row["hash"]))));
  // `delete` is true once: of several uploads of one blob, one created it.
  return blobs.map(({ hash }) => (createdHashes.delete(toHex(hash)) ? created : known));
}

/** Overwrites the row under `replaces` with the blob, or makes it: one transaction. */
export async function replaceBlob(
  database: Database,
  { data }: NewBlob,
  replaces: BlobKey,
): Promise<PutReceipt> {
  const { bytes } = database.dialect;
  return await database.transaction("write", async (query) => {
    await retireUploadOf(query, database, replaces);
    const { count } = await query(
      "UPDATE blobs SET data = $2, size = $3, upload = NULL WHERE hash = $1",
      [replaces, data, data.length],
    );
    if (count > 0) return { created: false };
    const inserted = await query(
      `INSERT INTO blobs (hash, data, size) SELECT CAST($1 AS ${bytes}), CAST($2 AS ${bytes}), ` +
        "CAST($3 AS bigint) WHERE true ON CONFLICT DO NOTHING RETURNING hash",
      [replaces, data, data.length],
    );
    return { created: inserted.length > 0 };
  });
}

// --- internal ---

const created: PutReceipt = { created: true };
const known: PutReceipt = { created: false };

const nothing = new Uint8Array(0);

/** A row that the statement leaves out. */
const nothingIncoming: readonly Param[] = [nothing, nothing];

const insertTexts = textsByRowCount((dialect, rowCount) => {
  const incoming = valuesTable(
    "incoming",
    [
      { name: "hash", type: dialect.bytes },
      { name: "data", type: dialect.bytes },
    ],
    rowCount,
  );
  // Without a conflict target, so that partitioned and distributed tables will do. A subquery, and
  // not NOT EXISTS, which may become a join that reads the whole table and upsets the order.
  return (
    `WITH ${incoming} INSERT INTO blobs (hash, data, size) ` +
    "SELECT hash, data, length(data) FROM incoming i " +
    "WHERE length(i.hash) > 0 " +
    "AND (SELECT 1 FROM blobs b WHERE b.hash = substr(i.hash, 1, 16)) IS NULL " +
    "ON CONFLICT DO NOTHING RETURNING hash"
  );
});

/** A large blob's row gives its segments up to the sweeper; readers under way keep them an hour. */
async function retireUploadOf(query: Query, { dialect }: Database, key: BlobKey): Promise<void> {
  const rows = await query("SELECT upload FROM blobs WHERE hash = $1 AND upload IS NOT NULL", [
    key,
  ]);
  for (const row of rows) await retire(query, dialect, String(row["upload"]));
}
