import { assert } from "../domain/assert.ts";
import { bytesEqual, type Bytes } from "../domain/bytes.ts";
import { RegistryError } from "../domain/errors.ts";
import type { Hashing } from "../domain/hasher.ts";
import type { Database, Query } from "./database.ts";
import { faultOfRow, mayBeLarge, readRowToVerify } from "./verify-row.ts";
import {
  isSameListing,
  listSegments,
  readSegments,
  type ListedSegment,
} from "./verify-segments.ts";

/** A row that was found bad, and what it was found by. */
export interface Suspect {
  /** Its name in quarantine: a UUID by which a move whose answer was lost is known again. */
  readonly id: string;
  readonly key: Bytes;
  readonly why: string;
  /** What the row noted, and whose segments it named. */
  readonly size: number;
  readonly upload: string | null;
  /** Of a large blob, its segments. */
  readonly listing: readonly ListedSegment[];
  /** Of a large blob, the segment whose bytes are bad, if it is one. */
  readonly badSegment: number | null;
}

/**
 * Moves a bad row out of the way, into `quarantined_blobs`, in one transaction, which holds the row
 * and looks again whether it is bad: one that has been made good or removed meanwhile is left
 * alone. The segments of a large blob stay where they are: nobody finds them without the row, and
 * moving a GiB takes longer than a transaction may. Their bytes are not all read again, since a
 * registry never changes a segment: what repairs a blob gives it other ones.
 * @returns whether it was moved
 */
export async function quarantine(
  database: Database,
  hashing: Hashing,
  suspect: Suspect,
): Promise<boolean> {
  const { dialect } = database;
  const { key } = suspect;
  return await database.transaction("write", async (query) => {
    const held = await query(
      `SELECT b.hash FROM blobs b WHERE b.hash = $1${dialect.holdRows("b")}`,
      [key],
    );
    if (held.length === 0) {
      const moved = await query("SELECT 1 FROM quarantined_blobs WHERE id = $1", [suspect.id]);
      return moved.length > 0;
    }
    // Of bytes that cannot be read, the transaction goes on without them.
    await query("SAVEPOINT looking");
    const isBad = await isStillBad(query, suspect, hashing).catch((error: unknown) => {
      if (error instanceof RegistryError || !dialect.isDamage(error)) throw error;
      return null;
    });
    if (isBad === null) await query("ROLLBACK TO SAVEPOINT looking");
    if (isBad === false) return false;
    await move(query, database, { ...suspect, isReadable: isBad === true });
    return true;
  });
}

// --- internal ---

async function isStillBad(query: Query, suspect: Suspect, hashing: Hashing): Promise<boolean> {
  const row = await readRowToVerify(query, suspect.key);
  if (row === null) return false;
  if (!mayBeLarge(row)) return (await faultOfRow(query, row, hashing)) !== null;
  const { upload } = row;
  if (upload !== suspect.upload || row.size !== suspect.size) return false;
  if (!isSameListing(await listSegments(query, upload), suspect.listing)) return false;
  const n = suspect.badSegment;
  if (n === null) return true;
  const data = (await readSegments(query, { upload, first: n, end: n + 1 })).get(n);
  const wanted = suspect.listing.find((segment) => segment.n === n)?.hash;
  return data === undefined || wanted === undefined || !bytesEqual(hashing.hash(data), wanted);
}

async function move(
  query: Query,
  { dialect }: Database,
  { id, key, why, isReadable }: Suspect & { readonly isReadable: boolean },
): Promise<void> {
  const data = isReadable ? "data" : `CAST($4 AS ${dialect.bytes})`;
  const params = [id, why, key];
  await query(
    "INSERT INTO quarantined_blobs (id, why, hash, data, size, created_at, upload) " +
      `SELECT CAST($1 AS ${dialect.uuid}), CAST($2 AS text), hash, ${data}, size, created_at, ` +
      "upload FROM blobs WHERE hash = $3",
    isReadable ? params : [...params, new Uint8Array(0)],
  );
  const { count } = await query("DELETE FROM blobs WHERE hash = $1", [key]);
  assert(count === 1, "the row is held");
}
