import { prefixBytes, toBlobKey, type BlobKey } from "../domain/blob-key.ts";
import { startsWith, toHex, type Bytes } from "../domain/bytes.ts";
import type { Hashing } from "../domain/hasher.ts";
import { limits } from "../domain/limits.ts";
import { toBytes } from "./blob-rows.ts";
import type { Database, Row, Rows } from "./database.ts";
import { toPosition } from "./key-space.ts";
import { createPace } from "./pace.ts";
import { holdRows, moveRows, readWindow, type Move, type MoveCounts } from "./rekey-rows.ts";

/** What has become of the rows that were kept under 16 bytes. */
export interface RekeyCounts {
  /** Rows that are now kept under their whole hash, one each. */
  readonly rekeyed: number;
  /** Rows whose blob had a row under its whole hash too: that one is left, under the older time. */
  readonly merged: number;
  /** Those of them whose other row was bad, and has the good bytes now. */
  readonly repaired: number;
  /** Rows whose bytes are not what their key says: left as they are. */
  readonly bad: number;
}

/** A row that was left as it is. */
export interface BadRow {
  readonly key: BlobKey;
  readonly why: string;
}

/** What rekeying needs, and whom it tells. */
export interface RekeyOptions {
  readonly hashing: Hashing;
  onBad(row: BadRow): void;
  /** @param part how much of the database has been gone through, from 0 to 1 */
  onProgress(part: number, counts: RekeyCounts): void;
}

/**
 * Gives every blob that is kept under the first 16 bytes of its hash its whole hash. Goes through
 * the rows in the order of their keys, a few in each transaction, which holds them against other
 * writers while it hashes their bytes and then changes nothing but keys: whoever reads meanwhile
 * finds each blob once, under the one key or the other. Whatever ends it, what is done is done, and
 * another run does the rest; several may run at once.
 */
export async function rekey(database: Database, options: RekeyOptions): Promise<RekeyCounts> {
  const { dialect } = database;
  const looking = createPace({ rowsAtFirst: 1024, rowsMax: 8192, dialect });
  const moving = createPace({ rowsAtFirst: 16, rowsMax: limits.writeBatchRowsMax, dialect });
  const counts = { rekeyed: 0, merged: 0, repaired: 0, bad: 0 };

  let after: Bytes | null = null;
  for (;;) {
    const window: Rows = await looking.step((rowsMax) => readWindow(database, after, rowsMax));
    const last = window.at(-1);
    if (last === undefined) return { ...counts };
    const short = window.map(toShortRow).filter((row) => row.key.length === prefixBytes);
    while (short.length > 0) {
      const moved = await moving.step(
        async (rowsMax) =>
          await moveBatch(database, options.hashing, take(short.slice(0, rowsMax))),
      );
      short.splice(0, moved.rowCount);
      counts.rekeyed += moved.rekeyed;
      counts.merged += moved.merged;
      counts.repaired += moved.repaired;
      counts.bad += moved.bad.length;
      for (const row of moved.bad) options.onBad(row);
      options.onProgress(toPosition(short[0]?.key ?? toBytes(last["hash"])), { ...counts });
    }
    after = toBytes(last["hash"]);
    options.onProgress(toPosition(after), { ...counts });
  }
}

// --- internal ---

/** A row to be moved, and how many bytes it holds. */
interface ShortRow {
  readonly key: Bytes;
  readonly bytesTotal: number;
}

function toShortRow(row: Row): ShortRow {
  return { key: toBytes(row["hash"]), bytesTotal: Number(row["bytes"]) };
}

/** As many of the first rows as one transaction may read; one at least. */
function take(rows: readonly ShortRow[]): readonly ShortRow[] {
  let bytesTotal = 0;
  const end = rows.findIndex((row, index) => {
    bytesTotal += row.bytesTotal;
    return index > 0 && bytesTotal > limits.writeBatchBytesMax;
  });
  return end < 0 ? rows : rows.slice(0, end);
}

interface Outcome extends MoveCounts {
  /** Rows that were gone through, those that were not there any more included. */
  readonly rowCount: number;
  readonly bad: readonly BadRow[];
}

async function moveBatch(
  database: Database,
  hashing: Hashing,
  rows: readonly ShortRow[],
): Promise<Outcome> {
  const bad: BadRow[] = [];
  const wanted: Bytes[] = [];
  for (const { key, bytesTotal } of rows) {
    const why = `it holds ${bytesTotal} bytes, more than a row may`;
    if (bytesTotal <= limits.inlineBlobBytesMax) wanted.push(key);
    else bad.push({ key: toBlobKey(key), why });
  }
  const rowCount = rows.length;
  if (wanted.length === 0) return { rowCount, rekeyed: 0, merged: 0, repaired: 0, bad };
  const moved = await database.transaction("write", async (query) => {
    const found = await holdRows(query, database.dialect, wanted);
    const checked = found.map((row) => check(row, hashing));
    const good = checked.filter((row) => "hash" in row);
    const counts = await moveRows(query, database.dialect, good);
    return { ...counts, bad: checked.filter((row) => "why" in row) };
  });
  return { ...moved, rowCount, bad: [...bad, ...moved.bad] };
}

/** Where a row belongs, by its bytes, or why it stays. */
function check(row: Row, hashing: Hashing): Move | BadRow {
  const key = toBlobKey(toBytes(row["hash"]));
  if (row["upload"] !== null) return { key, why: "its bytes are in segments" };
  const data = toBytes(row["data"]);
  const size = Number(row["size"]);
  const hash = hashing.hash(data);
  if (!startsWith(hash, key)) return { key, why: `its bytes hash to ${toHex(hash)}` };
  if (size !== data.length) return { key, why: `${data.length} bytes where ${size} were noted` };
  return { key, hash };
}
