import type { Bytes } from "../domain/bytes.ts";
import type { Hashing } from "../domain/hasher.ts";
import { limits } from "../domain/limits.ts";
import type { Database, Query } from "./database.ts";
import { toPosition } from "./key-space.ts";
import { walkOrphans, type OrphanWalk } from "./orphans.ts";
import { createPace, type Pace } from "./pace.ts";
import { canFindOwners } from "./uploads.ts";
import { createReadRate } from "./verify-rate.ts";
import { readKeys, readRowsToVerify, type RowToVerify, type RowWindow } from "./verify-row.ts";
import { createRowVerifier, type BadRow } from "./verify-verdict.ts";

/** What has been verified, and what was found. */
interface VerifyCounts {
  /** Rows of `blobs`. */
  rows: number;
  /** Segments of large blobs, which are rows too. */
  segments: number;
  /** Bytes that were hashed. */
  bytes: number;
  bad: number;
  /** Those of the bad ones that were moved out of the way. */
  quarantined: number;
}

/** Segments that no blob has and no upload under way. */
interface OrphanCounts {
  readonly uploads: number;
  readonly segments: number;
}

/** What came of it. */
export interface VerifyReport extends Readonly<VerifyCounts> {
  /** Null where they cannot be told, or nobody looked because it was stopped. */
  readonly orphans: OrphanCounts | null;
  /** Where to go on; null: everything has been verified. */
  readonly stoppedAt: Bytes | null;
}

/** What verifying needs, and whom it tells. */
export interface VerifyOptions {
  readonly hashing: Hashing;
  /** How much may be read. */
  readonly bytesPerSecond: number;
  /** The least key to be verified; null: all. */
  readonly from: Bytes | null;
  /** Whether bad rows are to be moved out of the way. */
  readonly isQuarantining: boolean;
  /** Aborted when it is to stop, after the statement under way. */
  readonly signal: AbortSignal;
  onBad(row: BadRow): void;
  /**
   * @param part how much of the database has been gone through, from 0 to 1
   * @param reached the row that is being verified: from there on another run would go on
   */
  onProgress(part: number, counts: Readonly<VerifyCounts>, reached: Bytes): void;
}

/**
 * Hashes every stored byte again, while registries run: goes through the rows in the order of their
 * keys, and through the segments of each large one, a few MiB in a statement, at a bounded rate. It
 * holds nothing that anybody waits for. A row that was changed while it was looked at is looked at
 * again. Stored, changed and moved behind it is for the next run.
 */
export async function verifyRows(
  database: Database,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const { dialect } = database;
  const { signal, hashing } = options;
  const counts: VerifyCounts = { rows: 0, segments: 0, bytes: 0, bad: 0, quarantined: 0 };
  const rate = createReadRate({ bytesPerSecond: options.bytesPerSecond, signal });
  const pace = createPace({ rowsAtFirst: 64, rowsMax: 1024, dialect });
  const query: Query = async (text, params) => await database.query("read", text, params);
  let reached = options.from;

  /** @throws the reason of the signal when it is to stop */
  async function spend(bytes: number): Promise<void> {
    counts.bytes += bytes;
    await rate.spend(bytes + overheadBytes);
    signal.throwIfAborted();
  }

  const verifyRow = createRowVerifier({
    database,
    hashing,
    isQuarantining: options.isQuarantining,
    segmentsPerRead: Math.max(1, Math.floor(rate.bytesPerStep(bytesPerRead) / segmentBytes)),
    async onRead(bytes, segments) {
      counts.segments += segments;
      if (reached !== null) options.onProgress(toPosition(reached), { ...counts }, reached);
      await spend(bytes);
    },
    onBad(row) {
      counts.bad += 1;
      if (row.outcome === "quarantined") counts.quarantined += 1;
      options.onBad(row);
    },
  });

  async function verifyAll(): Promise<void> {
    let isAfter = false;
    for (;;) {
      signal.throwIfAborted();
      const window = { from: reached, isAfter, bytesMax: rate.bytesPerStep(bytesPerRead) };
      const rows = await nextRows({ query, pace, isDamage: dialect.isDamage }, window);
      if (rows.length === 0) return;
      for (const row of rows) {
        reached = "key" in row ? row.key : row;
        await verifyRow(row);
        counts.rows += 1;
        isAfter = true;
      }
      if (reached !== null) options.onProgress(toPosition(reached), { ...counts }, reached);
    }
  }

  try {
    await verifyAll();
    const orphans = await countOrphans(database, { query, pace, signal });
    return { ...counts, orphans, stoppedAt: null };
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    return { ...counts, orphans: null, stoppedAt: reached ?? nothing };
  }
}

// --- internal ---

const { segmentBytes } = limits;

/** What one statement reads, and what is held in memory of rows or segments at a time. */
const bytesPerRead = 4 * segmentBytes;

/** What a row or a read costs the database, small as it may be: it counts as so many bytes. */
const overheadBytes = 1024;

const nothing = new Uint8Array(0);

interface Reading {
  readonly query: Query;
  readonly pace: Pace;
  readonly isDamage: (thrown: unknown) => boolean;
}

/** The next rows; where one of them cannot be read, only their keys. */
async function nextRows(
  { query, pace, isDamage }: Reading,
  window: Omit<RowWindow, "rowsMax">,
): Promise<readonly (RowToVerify | Bytes)[]> {
  try {
    return await pace.step(
      async (rowsMax) => await readRowsToVerify(query, { ...window, rowsMax }),
    );
  } catch (error) {
    if (!isDamage(error)) throw error;
    return await pace.step(async (rowsMax) => await readKeys(query, { ...window, rowsMax }));
  }
}

async function countOrphans(
  database: Database,
  { query, pace, signal }: Omit<Reading, "isDamage"> & { readonly signal: AbortSignal },
): Promise<OrphanCounts | null> {
  if (!(await canFindOwners(database, "read"))) return null;
  let [uploads, segments] = [0, 0];
  let after: string | null = null;
  do {
    signal.throwIfAborted();
    const from: string | null = after;
    const { orphans, next }: OrphanWalk = await pace.step(
      async (rowsMax) => await walkOrphans(query, from, rowsMax),
    );
    uploads += orphans.length;
    for (const upload of orphans) {
      const text = "SELECT count(*) AS total FROM blob_segments WHERE upload = $1";
      const [row] = await query(text, [upload]);
      segments += Number(row?.["total"]);
    }
    after = next;
  } while (after !== null);
  return { uploads, segments };
}
