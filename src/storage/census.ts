import { hashBytes, prefixBytes } from "../domain/blob-key.ts";
import type { Bytes } from "../domain/bytes.ts";
import { toBytes } from "./blob-rows.ts";
import type { Database, Dialect, Param, Query, Row, Rows } from "./database.ts";
import { toPosition } from "./key-space.ts";
import { readMigrations, type Migrations } from "./migrate.ts";
import { migrations } from "./migrations.ts";
import { createPace, type Pace } from "./pace.ts";

/** Rows of `blobs` by the length of their keys. */
interface KeyCounts {
  readonly total: number;
  /** Whole hashes. */
  readonly bytes32: number;
  /** The Rust registry's, since July 2025. */
  readonly bytes16: number;
  /** Of any other length: nobody can ask for them. */
  readonly other: number;
}

/** What is kept in segments. */
interface SegmentCounts {
  /** Blobs, or uploads, that have them. */
  readonly total: number;
  readonly segments: number;
  readonly bytesTotal: number;
}

/** What is in a database. */
export interface Census {
  readonly migrations: Migrations;
  readonly keys: KeyCounts;
  /** Large blobs; they are among `keys` too. */
  readonly large: SegmentCounts;
  /** Uploads under way, and what broken ones left for the sweeper. */
  readonly uploads: SegmentCounts;
}

/**
 * Counts what is in a database, whatever registry made it, an empty one included. Everything runs
 * in read-only transactions, each within the statement deadline: rows are counted window by window
 * in the order of the index, so that the counts are exact unless somebody writes meanwhile.
 * @param onProgress is told which part (0 to 1) of the blobs has been counted
 * @throws StartError when the database is from a newer registry
 */
export async function takeCensus(
  database: Database,
  onProgress: (part: number) => void = () => {},
): Promise<Census> {
  const { dialect } = database;
  const read: Query = (text, params) =>
    database.transaction("read", async (query) => {
      await query(dialect.readOnly);
      return await query(text, params);
    });
  const schema = await readMigrations(database, read);
  const exists = async (table: string): Promise<boolean> =>
    (await read(dialect.tableExists, [table])).length > 0;
  const pace = createPace({ rowsAtFirst: 1024, rowsMax: 16_384, dialect });
  const keys = (await exists("blobs")) ? await countKeys(read, pace, onProgress) : noKeys;
  const hasSegments = (await exists("blob_segments")) && (await exists("uploads"));
  const { large, uploads } = hasSegments ? await countSegments(database, read) : noSegments;
  return { migrations: schema, keys, large, uploads };
}

/** What there is where nobody has made a store yet. */
export function emptyCensus(dialect: Dialect["name"]): Census {
  const pending = migrations[dialect].map(({ name }) => name);
  return { migrations: { applied: [], pending }, keys: noKeys, large: none, uploads: none };
}

// --- internal ---

const noKeys: KeyCounts = { total: 0, bytes32: 0, bytes16: 0, other: 0 };
const none: SegmentCounts = { total: 0, segments: 0, bytesTotal: 0 };
const noSegments = { large: none, uploads: none };

async function countKeys(
  read: Query,
  pace: Pace,
  onProgress: (part: number) => void,
): Promise<KeyCounts> {
  const counts = { ...noKeys };
  let after: Bytes | null = null;
  for (;;) {
    const rows: Rows = await pace.step((rowsMax) => readKeys(read, after, rowsMax));
    const [first] = rows;
    if (first === undefined) return counts;
    for (const row of rows) {
      const total = Number(row["total"]);
      const keyBytes = Number(row["key_bytes"]);
      counts.total += total;
      if (keyBytes === hashBytes) counts.bytes32 += total;
      else if (keyBytes === prefixBytes) counts.bytes16 += total;
      else counts.other += total;
    }
    after = toBytes(first["last"]);
    onProgress(toPosition(after));
  }
}

/** Only keys are read, so that the index has all it takes. */
async function readKeys(read: Query, after: Bytes | null, rowsMax: number): Promise<Rows> {
  return await read(
    "WITH looked AS (SELECT hash FROM blobs " +
      `${after === null ? "" : "WHERE hash > $1 "}ORDER BY hash LIMIT ${rowsMax}) ` +
      "SELECT length(hash) AS key_bytes, count(*) AS total, " +
      "(SELECT hash FROM looked ORDER BY hash DESC LIMIT 1) AS last FROM looked GROUP BY 1",
    after === null ? [] : [after],
  );
}

async function countSegments(
  { dialect }: Database,
  read: Query,
): Promise<Pick<Census, "large" | "uploads">> {
  const large = { ...none };
  const uploads = { ...none };
  const pace = createPace({ rowsAtFirst: 64, rowsMax: 4096, dialect });
  let after: readonly Param[] | null = null;
  for (;;) {
    const rows: Rows = await pace.step((rowsMax) => readSegments(read, { after, rowsMax }));
    const [first] = rows;
    if (first === undefined) break;
    for (const row of rows) add(Number(row["is_loose"]) === 1 ? uploads : large, row);
    after = [String(first["last_upload"]), Number(first["last_n"])];
  }
  // Those that have no segments yet, too.
  const [row] = await read("SELECT count(*) AS total FROM uploads");
  return { large, uploads: { ...uploads, total: Number(row?.["total"]) } };
}

function add(counts: { -readonly [K in keyof SegmentCounts]: number }, row: Row): void {
  counts.total += Number(row["first_segments"]);
  counts.segments += Number(row["segments"]);
  counts.bytesTotal += Number(row["bytes_total"]);
}

const lastOne = "FROM looked ORDER BY upload DESC, n DESC LIMIT 1";

interface SegmentWindow {
  readonly after: readonly Param[] | null;
  readonly rowsMax: number;
}

async function readSegments(read: Query, { after, rowsMax }: SegmentWindow): Promise<Rows> {
  const behind = after === null ? "" : "WHERE (upload, n) > ($1, $2) ";
  return await read(
    "WITH looked AS (SELECT upload, n, length(data) AS bytes FROM blob_segments " +
      `${behind}ORDER BY upload, n LIMIT ${rowsMax}) ` +
      "SELECT CASE WHEN u.upload IS NULL THEN 0 ELSE 1 END AS is_loose, count(*) AS segments, " +
      "sum(bytes) AS bytes_total, sum(CASE WHEN n = 0 THEN 1 ELSE 0 END) AS first_segments, " +
      `(SELECT upload ${lastOne}) AS last_upload, (SELECT n ${lastOne}) AS last_n ` +
      "FROM looked LEFT JOIN uploads u ON u.upload = looked.upload GROUP BY 1",
    after === null ? [] : after,
  );
}
