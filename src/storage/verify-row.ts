import { hashBytes, prefixBytes } from "../domain/blob-key.ts";
import { startsWith, toHex, type Bytes } from "../domain/bytes.ts";
import type { Hashing } from "../domain/hasher.ts";
import { limits } from "../domain/limits.ts";
import { toBytes } from "./blob-rows.ts";
import type { Query, Row, Rows } from "./database.ts";

/** A row of `blobs` to be verified. */
export interface RowToVerify {
  /** Of any length: a damaged row may have any. */
  readonly key: Bytes;
  /** What it notes as the length of the blob. */
  readonly size: number;
  /** How many bytes it really holds. */
  readonly bytes: number;
  /** Whose segments hold the blob; null when the row does. */
  readonly upload: string | null;
  /** Null when they are in segments, or more than a row may hold. */
  readonly data: Bytes | null;
}

/** Which rows to read. */
export interface RowWindow {
  /** Where they begin; with `isAfter`, behind it. Null: with the first. */
  readonly from: Bytes | null;
  readonly isAfter: boolean;
  readonly rowsMax: number;
  /** No more rows once those before have so many bytes. */
  readonly bytesMax: number;
}

/** The next rows in the order of their keys, read in one statement. */
export async function readRowsToVerify(query: Query, window: RowWindow): Promise<RowToVerify[]> {
  const { from, isAfter, rowsMax, bytesMax } = window;
  const begin = from === null ? "" : `WHERE hash ${isAfter ? ">" : ">="} $1 `;
  const rows = await query(
    `WITH looked AS (SELECT hash, length(data) AS bytes FROM blobs ${begin}` +
      `ORDER BY hash LIMIT ${rowsMax}), ` +
      "counted AS (SELECT hash, bytes, sum(bytes) OVER (ORDER BY hash) AS total FROM looked) " +
      `SELECT ${columns("c.bytes")} FROM counted c JOIN blobs b ON b.hash = c.hash ` +
      `WHERE c.total - c.bytes < ${Math.ceil(bytesMax)} ORDER BY b.hash`,
    from === null ? [] : [from],
  );
  return toRows(rows);
}

/** The keys of the next rows, without a look at what else they hold. */
export async function readKeys(query: Query, window: RowWindow): Promise<Bytes[]> {
  const { from, isAfter, rowsMax } = window;
  const begin = from === null ? "" : `WHERE hash ${isAfter ? ">" : ">="} $1 `;
  const rows = await query(
    `SELECT hash FROM blobs ${begin}ORDER BY hash LIMIT ${rowsMax}`,
    from === null ? [] : [from],
  );
  return rows.map((row) => toBytes(row["hash"]));
}

/** The row of a key, as it is now. @param ending what a transaction that holds it puts behind */
export async function readRowToVerify(
  query: Query,
  key: Bytes,
  ending = "",
): Promise<RowToVerify | null> {
  const text = `SELECT ${columns("length(b.data)")} FROM blobs b WHERE b.hash = $1${ending}`;
  return toRows(await query(text, [key]))[0] ?? null;
}

/** What is wrong with a row that holds its blob itself; null when it is good. */
export async function faultOfRow(
  query: Query,
  row: RowToVerify,
  hashing: Hashing,
): Promise<string | null> {
  const { key, size, bytes } = row;
  if (!isKey(key)) return `its key has ${key.length} bytes, which no blob's has`;
  if (row.upload !== null) return "its bytes are in segments, not in the row";
  const hash = row.data === null ? await hashLong(query, row, hashing) : hashing.hash(row.data);
  if (!startsWith(hash, key)) return `its bytes hash to ${toHex(hash)}`;
  return size === bytes ? null : `${bytes} bytes where ${size} were noted`;
}

/** Whether a row is that of a large blob, as a registry makes it. */
export function mayBeLarge(row: RowToVerify): row is RowToVerify & { readonly upload: string } {
  return row.upload !== null && row.key.length === hashBytes;
}

// --- internal ---

/** Whether anybody can ask for a row under this key. */
function isKey(key: Bytes): boolean {
  return key.length === hashBytes || key.length === prefixBytes;
}

function columns(bytes: string): string {
  return (
    `b.hash, CAST(b.size AS double precision) AS size, b.upload, ${bytes} AS bytes, ` +
    `CASE WHEN b.upload IS NULL AND ${bytes} <= ${limits.inlineBlobBytesMax} ` +
    "THEN b.data END AS data"
  );
}

function toRows(rows: Rows): RowToVerify[] {
  return rows.map(({ hash, size, bytes, upload, data }: Row) => ({
    key: toBytes(hash),
    size: Number(size),
    bytes: Number(bytes),
    upload: upload === null || upload === undefined ? null : String(upload),
    data: data === null ? null : toBytes(data),
  }));
}

/** More than a registry would put in a row, piece by piece. */
async function hashLong(
  query: Query,
  { key, bytes }: RowToVerify,
  hashing: Hashing,
): Promise<Bytes> {
  const hasher = hashing.createHasher();
  try {
    const text = "SELECT substr(data, $2, $3) AS piece FROM blobs WHERE hash = $1";
    for (let at = 0; at < bytes; at += limits.segmentBytes) {
      const [row] = await query(text, [key, at + 1, limits.segmentBytes]);
      if (row === undefined) break;
      hasher.update(toBytes(row["piece"]));
    }
    return hasher.digest();
  } finally {
    hasher.dispose();
  }
}
