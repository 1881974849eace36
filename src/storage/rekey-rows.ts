import { assert } from "../domain/assert.ts";
import { hashBytes, prefixBytes, type BlobHash, type BlobKey } from "../domain/blob-key.ts";
import { toHex, type Bytes } from "../domain/bytes.ts";
import { toBytes } from "./blob-rows.ts";
import type { Database, Dialect, Param, Query, Row, Rows } from "./database.ts";
import { retire } from "./uploads.ts";
import { pad, paddedCount, textsByRowCount, valuesTable } from "./values.ts";

/** A row under 16 bytes, and the hash of its bytes, of which these are the first. */
export interface Move {
  readonly key: BlobKey;
  readonly hash: BlobHash;
}

/** What became of rows to be moved. */
export interface MoveCounts {
  /** They have their whole hash now. */
  readonly rekeyed: number;
  /** They went into the row that had it before. */
  readonly merged: number;
  /** The bytes of that row were bad: it has theirs now. */
  readonly repaired: number;
}

/**
 * The rows with 16-byte keys (`hash`, and `bytes`, the length of their data) among the next
 * `rowsMax` rows in the order of their keys, and the last of these, whatever its key.
 */
export async function readWindow(
  database: Database,
  after: Bytes | null,
  rowsMax: number,
): Promise<Rows> {
  return await database.query(
    "read",
    "WITH looked AS (SELECT hash FROM blobs " +
      `${after === null ? "" : "WHERE hash > $1 "}ORDER BY hash LIMIT ${rowsMax}) ` +
      "SELECT hash, (SELECT length(b.data) FROM blobs b WHERE b.hash = looked.hash) AS bytes " +
      `FROM looked WHERE length(hash) = ${prefixBytes} ` +
      "OR hash = (SELECT hash FROM looked ORDER BY hash DESC LIMIT 1) ORDER BY hash",
    after === null ? [] : [after],
  );
}

/** The rows under these keys, in their order, which nobody else may change in this transaction. */
export async function holdRows(
  query: Query,
  dialect: Dialect,
  keys: readonly Bytes[],
): Promise<Rows> {
  const params: Param[] = [...keys];
  pad(params, keys.length, [nobody]);
  return await query(holdTexts(dialect, params.length), params);
}

/**
 * Gives rows their whole hashes, in a transaction that holds them and has found their bytes good.
 * Where the blob has a row under its whole hash too the two become one, under the older time.
 */
export async function moveRows(
  query: Query,
  dialect: Dialect,
  moves: readonly Move[],
): Promise<MoveCounts> {
  if (moves.length === 0) return { rekeyed: 0, merged: 0, repaired: 0 };
  const twins = new Map<string, Row>();
  const text = twinTexts(dialect, paddedCount(moves.length));
  for (const row of await query(text, toParams(moves))) {
    twins.set(toHex(toBytes(row["hash"])), row);
  }
  const alone = moves.filter(({ hash }) => !twins.has(toHex(hash)));
  let repaired = 0;
  for (const move of moves) {
    const twin = twins.get(toHex(move.hash));
    if (twin === undefined) continue;
    const isSame = Number(twin["is_same"]) === 1;
    if (!isSame) repaired += 1;
    await mergeInto(query, dialect, { ...move, isSame, upload: twin["upload"] ?? null });
  }
  if (alone.length > 0) {
    const { count } = await query(moveTexts(dialect, paddedCount(alone.length)), toParams(alone));
    assert(count === alone.length, "the rows are held");
  }
  return { rekeyed: alone.length, merged: twins.size, repaired };
}

// --- internal ---

/** Longer than any key. */
const nobody = new Uint8Array(hashBytes + 1).fill(0xff);

function toParams(moves: readonly Move[]): Param[] {
  const params = moves.flatMap(({ key, hash }): Param[] => [key, hash]);
  pad(params, moves.length, [nobody, nobody]);
  return params;
}

function movingTable({ bytes }: Dialect, rowCount: number): string {
  const columns = ["short", "hash"].map((name) => ({ name, type: bytes }));
  return valuesTable("moving", columns, rowCount);
}

const holdTexts = textsByRowCount((dialect, rowCount) => {
  const keys = Array.from({ length: rowCount }, (_, n) => `$${n + 1}`).join(", ");
  return (
    "SELECT b.hash, b.data, CAST(b.size AS double precision) AS size, b.upload FROM blobs b " +
    `WHERE b.hash IN (${keys}) ORDER BY b.hash${dialect.holdRows("b")}`
  );
});

/**
 * The rows under the whole hashes, held, and whether they hold the same bytes: the database
 * compares, so that none travels.
 */
const twinTexts = textsByRowCount(
  (dialect, rowCount) =>
    `WITH ${movingTable(dialect, rowCount)} SELECT b.hash, b.upload, ` +
    "CASE WHEN b.upload IS NULL AND b.size = a.size AND b.data = a.data THEN 1 ELSE 0 END " +
    "AS is_same FROM moving JOIN blobs b ON b.hash = moving.hash " +
    `JOIN blobs a ON a.hash = moving.short ORDER BY b.hash${dialect.holdRows("b")}`,
);

/** Only the key changes: PostgreSQL leaves long bytes where they are. */
const moveTexts = textsByRowCount(
  (dialect, rowCount) =>
    `WITH ${movingTable(dialect, rowCount)} UPDATE blobs SET hash = moving.hash ` +
    "FROM moving WHERE blobs.hash = moving.short",
);

interface Merge extends Move {
  readonly isSame: boolean;
  readonly upload: Row[string];
}

async function mergeInto(
  query: Query,
  dialect: Dialect,
  { key, hash, isSame, upload }: Merge,
): Promise<void> {
  if (upload !== null) await retire(query, dialect, String(upload));
  const { count } = await query(isSame ? mergeText : repairText, [key, hash]);
  assert(count === 1, "the row of the whole hash is held");
  await query("DELETE FROM blobs WHERE hash = $1", [key]);
}

// A time that nobody noted counts as unknown, not as old.
const olderTime =
  "created_at = CASE WHEN blobs.created_at <= a.created_at THEN blobs.created_at " +
  "ELSE coalesce(a.created_at, blobs.created_at) END";
const mergeText =
  `UPDATE blobs SET ${olderTime} ` +
  "FROM (SELECT created_at FROM blobs WHERE hash = $1) a WHERE blobs.hash = $2";
const repairText =
  `UPDATE blobs SET ${olderTime}, data = a.data, size = a.size, upload = NULL ` +
  "FROM (SELECT created_at, data, size FROM blobs WHERE hash = $1) a WHERE blobs.hash = $2";
