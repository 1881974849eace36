import type { BlobKey } from "../../src/domain/blob-key.ts";
import type { Bytes } from "../../src/domain/bytes.ts";
import type { Hashing } from "../../src/domain/hasher.ts";
import type { Database, Row } from "../../src/storage/database.ts";
import { databaseTimeMs, sweepUploads } from "../../src/storage/uploads.ts";
import { hashing, shortKey } from "./blobs.ts";

/** A copy with one bit turned. */
export function flipped(bytes: Bytes): Bytes {
  const copy = bytes.slice();
  copy[0] = (copy[0] ?? 0) ^ 1;
  return copy;
}

/** A row as nobody's upload would make it. */
export async function insertRow(
  database: Database,
  key: BlobKey,
  { data, size = data.length }: { readonly data: Bytes; readonly size?: number },
): Promise<void> {
  const text = "INSERT INTO blobs (hash, data, size) VALUES ($1, $2, $3)";
  await database.query("write", text, [key, data, size]);
}

/** Puts other bytes into a row, the size that it notes unchanged. */
export async function overwriteRow(database: Database, key: BlobKey, data: Bytes): Promise<void> {
  await database.query("write", "UPDATE blobs SET data = $2 WHERE hash = $1", [key, data]);
}

/** The rows that a blob has, under its hash and under its first 16 bytes. */
export async function rowsOf(database: Database, hash: BlobKey): Promise<readonly Row[]> {
  const text = "SELECT hash, data, size, upload FROM blobs WHERE hash = $1 OR hash = $2";
  return [...(await database.query("read", text, [hash, shortKey(hash)]))];
}

/** The upload whose segments a large blob's row names. */
export async function uploadOf(database: Database, hash: BlobKey): Promise<string> {
  const [row] = await rowsOf(database, hash);
  return String(row?.["upload"]);
}

/** How many segments there are of an upload. */
export async function segmentCountOf(database: Database, upload: string): Promise<number> {
  const text = "SELECT count(*) AS total FROM blob_segments WHERE upload = $1";
  const [row] = await database.query("read", text, [upload]);
  return Number(row?.["total"]);
}

/** The uploads that nobody has committed, or that no blob needs any more. */
export async function looseUploads(database: Database): Promise<string[]> {
  const rows = await database.query("read", "SELECT upload FROM uploads ORDER BY upload");
  return rows.map((row) => String(row["upload"]));
}

/** Segments that neither a blob nor an upload under way has: nobody would ever remove them. */
export async function orphanCount(database: Database): Promise<number> {
  const [row] = await database.query(
    "read",
    "SELECT count(*) AS total FROM blob_segments WHERE upload NOT IN (SELECT upload FROM uploads) " +
      "AND upload NOT IN (SELECT upload FROM blobs WHERE upload IS NOT NULL)",
  );
  return Number(row?.["total"]);
}

/** Makes an upload look as if nobody had touched it for so long. */
export async function age(database: Database, upload: string, ms: number): Promise<void> {
  const earlier =
    database.dialect.name === "postgres"
      ? `touched_at - ${ms} * interval '1 millisecond'`
      : `touched_at - ${ms}`;
  const text = `UPDATE uploads SET touched_at = ${earlier} WHERE upload = $1`;
  await database.query("write", text, [upload]);
}

/** Removes what is abandoned, by the database's clock as it stands. */
export async function sweepNow(database: Database): Promise<number> {
  return await sweepUploads(database, await databaseTimeMs(database));
}

/** Two blobs whose hashes begin with the same 16 bytes, by a hash that is made to collide. */
export function collidingHashing(a: Bytes, b: Bytes): Hashing {
  const hashOf = (bytes: Bytes) => {
    const hash = hashing.hash(bytes);
    if (Buffer.compare(bytes, b) === 0) hash.set(hashing.hash(a).subarray(0, 16));
    return hash;
  };
  return { ...hashing, hash: hashOf };
}
