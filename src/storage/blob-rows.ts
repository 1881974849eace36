import { assert } from "../domain/assert.ts";
import { bytesEqual, type Bytes } from "../domain/bytes.ts";
import { hashBytes, prefixBytes, toBlobKey, type BlobKey } from "../domain/blob-key.ts";
import type { BlobStat, StoredBlob } from "../domain/blob-store.ts";
import type { Database, Dialect, Param, Row, Value } from "./database.ts";
import { pad, paddedCount, textsByRowCount, valuesTable } from "./values.ts";

/** A row of `blobs`, with its bytes when they were asked for. */
export interface BlobRow extends BlobStat {
  readonly data: Bytes | null;
  /** Whose segments hold the bytes; null when the row does. */
  readonly upload: string | null;
}

/**
 * The rows that keys name, null where there is none, in one statement. All keys of a blob, and of
 * the row it may have from the Rust registry, lie between its first 16 bytes and those followed by
 * ff×16: one index range serves every form.
 */
export async function readRows(
  database: Database,
  keys: readonly BlobKey[],
  withData: boolean,
): Promise<(BlobRow | null)[]> {
  if (keys.length === 0) return [];
  const rows: (BlobRow | null)[] = keys.map(() => null);
  await select(database, { keys, withData }, (row, key, n) => {
    if (isBetter(key, row, rows[n] ?? null)) rows[n] = row;
  });
  return rows;
}

/** All rows that a key may name, with their bytes, in the order in which they answer to it. */
export async function readAllRows(database: Database, key: BlobKey): Promise<BlobRow[]> {
  const rows: BlobRow[] = [];
  await select(database, { keys: [key], withData: true }, (row) => rows.push(row));
  return rows.toSorted((a, b) => (isBetter(key, a, b) ? -1 : 1));
}

/** A row as the face of the store gives it. */
export function toStoredBlob(row: BlobRow): StoredBlob {
  return {
    hash: row.hash,
    bytesTotal: row.bytesTotal,
    createdAtMs: row.createdAtMs,
    data: row.upload === null ? row.data : null,
  };
}

/**
 * The bytes of a driver's value. PostgreSQL's client gives Buffers, of which `slice` is a view; a
 * plain array over the same memory would cost a tenth of a read.
 */
export function toBytes(value: Value | undefined): Bytes {
  assert(value instanceof Uint8Array, "the column holds bytes");
  return value;
}

// --- internal ---

/** What to look for. */
interface Selection {
  readonly keys: readonly BlobKey[];
  readonly withData: boolean;
}

/** @param visit is given each row that one of the keys may name, that key and its number */
async function select(
  database: Database,
  { keys, withData }: Selection,
  visit: (row: BlobRow, key: BlobKey, n: number) => void,
): Promise<void> {
  const { dialect } = database;
  const text = (withData ? readTexts : statTexts)(dialect, paddedCount(keys.length));
  const params: Param[] = [];
  for (const [n, key] of keys.entries()) {
    params.push(n, key.length === prefixBytes ? key : key.slice(0, prefixBytes));
  }
  pad(params, keys.length, nothingWanted);
  for (const record of await database.query("read", text, params)) {
    const n = Number(record["n"]);
    const key = keys[n];
    const row = toBlobRow(record);
    if (key !== undefined && row !== null && names(key, row.hash)) visit(row, key, n);
  }
}

const readTexts = textsByRowCount((dialect, rowCount) => selectText(dialect, rowCount, ", b.data"));
const statTexts = textsByRowCount((dialect, rowCount) => selectText(dialect, rowCount, ""));

function selectText(dialect: Dialect, rowCount: number, dataColumn: string): string {
  const wanted = valuesTable(
    "wanted",
    [
      { name: "n", type: "integer" },
      { name: "prefix", type: dialect.bytes },
    ],
    rowCount,
  );
  return (
    `WITH ${wanted} SELECT wanted.n, b.hash, CAST(b.size AS double precision) AS size, b.upload, ` +
    `${dialect.epochMs("b.created_at")} AS created_at_ms${dataColumn} ` +
    `FROM wanted ${dialect.joinBlobs("wanted.prefix")}`
  );
}

/** No key begins so: it is longer than any. */
const nothingWanted: readonly Param[] = [-1, new Uint8Array(hashBytes + 1).fill(0xff)];

/** Null for a row whose key is none of a blob's: nobody can ask for it. */
function toBlobRow(record: Row): BlobRow | null {
  const { size, data, upload, created_at_ms: createdAtMs } = record;
  const hash = toBytes(record["hash"]);
  if (hash.length !== hashBytes && hash.length !== prefixBytes) return null;
  return {
    hash: toBlobKey(hash),
    bytesTotal: Number(size),
    createdAtMs: createdAtMs === null ? null : Number(createdAtMs),
    data: data === undefined ? null : toBytes(data),
    upload: upload === null ? null : String(upload),
  };
}

/** Whether a row within a key's range is one the key may mean: its bytes decide for short rows. */
function names(key: BlobKey, stored: BlobKey): boolean {
  return key.length === prefixBytes || stored.length === prefixBytes || bytesEqual(key, stored);
}

/** For a hash, the row that has it wins; else the oldest, the shortest, the least. */
function isBetter(key: BlobKey, row: BlobRow, other: BlobRow | null): boolean {
  if (other === null) return true;
  if (key.length === hashBytes && row.hash.length !== other.hash.length) {
    return row.hash.length === hashBytes;
  }
  const age = (row.createdAtMs ?? 0) - (other.createdAtMs ?? 0);
  return age < 0 || (age === 0 && Buffer.compare(row.hash, other.hash) < 0);
}
