import {
  hashBytes,
  keyMatches,
  prefixBytes,
  prefixOf,
  toBlobHash,
  toBlobKey,
  type BlobHash,
  type BlobKey,
} from "../domain/blob-key.ts";
import { bytesEqual, startsWith, type Bytes } from "../domain/bytes.ts";
import type { Hashing } from "../domain/hasher.ts";
import { toBytes } from "./blob-rows.ts";
import type { Database, Dialect, Query } from "./database.ts";
import { removeUpload, retire } from "./uploads.ts";

/** What became of a key to be taken down. */
export interface Takedown {
  /** What is denied from now on: the blob's whole hash; the key itself where no blob told it. */
  readonly denied: BlobKey;
  /** Whether it had been taken down before. */
  readonly wasDenied: boolean;
  /** Rows removed, those in quarantine included. */
  readonly rows: number;
}

/** A change of what is taken down. */
export interface TakedownChange {
  readonly key: BlobKey;
  readonly isLifted: boolean;
  /** Its number; they grow in the order of commits. */
  readonly change: number;
}

/**
 * Takes a key down: removes the rows of its blob, whichever length of key they have, and notes that
 * it is denied, in one transaction; then the segments, if it was large. Null, and nothing done,
 * where 16 bytes fit several blobs. What a registry that has not heard of it yet stores meanwhile
 * is for that registry to remove (`removeDenied`).
 */
export async function takeDown(
  database: Database,
  hashing: Hashing,
  key: BlobKey,
): Promise<Takedown | null> {
  const { dialect } = database;
  const uploads: string[] = [];
  const takedown = await database.transaction("write", async (query) => {
    const change = await nextChange(query);
    const found = await findRows(query, { dialect, hashing, key });
    const hashes = distinct(found);
    if (key.length === prefixBytes && hashes.length > 1) return null;
    const denied = hashes[0] ?? key;
    uploads.push(...(await removeRows(query, dialect, found)));
    const wasDenied = await note(query, dialect, { denied, change });
    return { denied, wasDenied, rows: found.length };
  });
  for (const upload of uploads) await removeUpload(database, upload);
  return takedown;
}

/**
 * Lifts what was taken down of a key, so that its blob can be uploaded again; gives how many
 * entries that were: a key of 16 bytes stands for all that begin so, one of 32 also for its
 * first 16.
 */
export async function liftTakedown(database: Database, key: BlobKey): Promise<number> {
  const [first, last] = key.length === hashBytes ? [key, key] : rangeOf(key);
  return await database.transaction("write", async (query) => {
    const change = await nextChange(query);
    const { count } = await query(
      `UPDATE takedowns SET lifted_at = ${database.dialect.now}, change = $1 ` +
        "WHERE lifted_at IS NULL AND (hash = $2 OR (hash >= $3 AND hash <= $4))",
      [change, prefixOf(key).slice(), first, last],
    );
    return count;
  });
}

/** The changes after the one of a number, the first `changesMax` of them, in their order. */
export async function readChanges(
  database: Database,
  after: number,
  changesMax: number,
): Promise<TakedownChange[]> {
  const rows = await database.query(
    "health",
    "SELECT hash, CASE WHEN lifted_at IS NULL THEN 0 ELSE 1 END AS is_lifted, " +
      "CAST(change AS double precision) AS change FROM takedowns " +
      `WHERE change > $1 ORDER BY change, hash LIMIT ${changesMax}`,
    [after],
  );
  return rows.map((row) => ({
    key: toBlobKey(toBytes(row["hash"])),
    isLifted: Number(row["is_lifted"]) === 1,
    change: Number(row["change"]),
  }));
}

/** How many keys are taken down. */
export async function countTakedowns(database: Database): Promise<number> {
  const text = "SELECT count(*) AS total FROM takedowns WHERE lifted_at IS NULL";
  const [row] = await database.query("health", text);
  return Number(row?.["total"]);
}

/** Removes the rows and segments of a blob that is taken down; gives how many rows there were. */
export async function removeDenied(
  database: Database,
  hashing: Hashing,
  key: BlobKey,
): Promise<number> {
  const { dialect } = database;
  const found: FoundRow[] = [];
  const uploads = await database.transaction("health", async (query) => {
    found.push(...(await findRows(query, { dialect, hashing, key })));
    return await removeRows(query, dialect, found);
  });
  for (const upload of uploads) await removeUpload(database, upload);
  return found.length;
}

// --- internal ---

/** A row of a blob, in one of the tables. */
interface FoundRow {
  readonly table: "blobs" | "quarantined_blobs";
  /** Its key in that table. */
  readonly hash: BlobKey;
  /** Which blob it holds, or held; null where that cannot be told. */
  readonly blob: BlobHash | null;
  readonly upload: string | null;
}

interface Search {
  readonly dialect: Dialect;
  readonly hashing: Hashing;
  readonly key: BlobKey;
}

/** All keys that begin so. */
function rangeOf(key: BlobKey): readonly [first: Bytes, last: Bytes] {
  const last = new Uint8Array(hashBytes).fill(0xff);
  const first = prefixOf(key).slice();
  last.set(first);
  return [first, last];
}

/** Holds whoever else makes changes off until the transaction ends: the first statement of each. */
async function nextChange(query: Query): Promise<number> {
  const [row] = await query(
    "UPDATE takedown_changes SET latest = latest + 1 " +
      "RETURNING CAST(latest AS double precision) AS latest",
  );
  return Number(row?.["latest"]);
}

/**
 * The rows that a key may mean, held. Only the bytes tell the blob of a row kept under 16 bytes:
 * where they are those of another blob than was asked for, it is left out; where they are bad, they
 * may have been its.
 */
async function findRows(query: Query, search: Search): Promise<FoundRow[]> {
  const { dialect, key } = search;
  const found: FoundRow[] = [];
  for (const table of ["blobs", "quarantined_blobs"] as const) {
    const rows = await query(
      `SELECT b.hash, b.upload FROM ${table} b WHERE b.hash >= $1 AND b.hash <= $2 ` +
        `ORDER BY b.hash${dialect.holdRows("b")}`,
      rangeOf(key),
    );
    for (const row of rows) {
      const bytes = toBytes(row["hash"]);
      if (bytes.length !== hashBytes && bytes.length !== prefixBytes) continue;
      const upload = row["upload"] ?? null;
      const hash = toBlobKey(bytes);
      const blob = hash.length === hashBytes ? toBlobHash(hash) : await blobOf(query, search, hash);
      if (blob !== null && !keyMatches(key, blob)) continue;
      found.push({ table, hash, blob, upload: upload === null ? null : String(upload) });
    }
  }
  return found;
}

/** Of which blob the bytes of a row kept under 16 bytes are; null where they are bad. */
async function blobOf(query: Query, { hashing }: Search, key: BlobKey): Promise<BlobHash | null> {
  const [row] = await query("SELECT data FROM blobs WHERE hash = $1", [key]);
  if (row === undefined) return null;
  const hash = hashing.hash(toBytes(row["data"]));
  return startsWith(hash, key) ? hash : null;
}

function distinct(rows: readonly FoundRow[]): BlobHash[] {
  const hashes: BlobHash[] = [];
  for (const { blob } of rows) {
    if (blob !== null && !hashes.some((hash) => bytesEqual(hash, blob))) hashes.push(blob);
  }
  return hashes;
}

/** Gives the uploads whose segments nobody has any more. */
async function removeRows(
  query: Query,
  dialect: Dialect,
  found: readonly FoundRow[],
): Promise<string[]> {
  const uploads: string[] = [];
  for (const { table, hash, upload } of found) {
    await query(`DELETE FROM ${table} WHERE hash = $1`, [hash]);
    if (upload === null) continue;
    await retire(query, dialect, upload);
    uploads.push(upload);
  }
  return uploads;
}

interface Note {
  readonly denied: BlobKey;
  readonly change: number;
}

/** Gives whether it was noted before. */
async function note(
  query: Query,
  { bytes, now }: Dialect,
  { denied, change }: Note,
): Promise<boolean> {
  const noted = await query("SELECT lifted_at FROM takedowns WHERE hash = $1", [denied]);
  const isActive = noted.some((row) => (row["lifted_at"] ?? null) === null);
  if (isActive) return true;
  if (noted.length > 0) {
    await query(
      `UPDATE takedowns SET lifted_at = NULL, created_at = ${now}, change = $2 WHERE hash = $1`,
      [denied, change],
    );
  } else {
    await query(
      `INSERT INTO takedowns (hash, change) VALUES (CAST($1 AS ${bytes}), CAST($2 AS bigint))`,
      [denied, change],
    );
  }
  return false;
}
