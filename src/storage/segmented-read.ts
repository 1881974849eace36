import type { BlobReader, ByteRange, Segment } from "../domain/blob-store.ts";
import { toBlobKey, type BlobKey } from "../domain/blob-key.ts";
import { RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import { readRows, toBytes, type BlobRow } from "./blob-rows.ts";
import type { Database, Param } from "./database.ts";

/** Opens a blob of any size for reading; each segment is a statement of its own. */
export async function openSegmentedRead(
  database: Database,
  key: BlobKey,
  range?: ByteRange,
): Promise<BlobReader | null> {
  const [row] = await readRows(database, [key], false);
  if (row === undefined || row === null) return null;
  const { hash, bytesTotal, createdAtMs, upload } = row;
  const first = Math.floor((range?.first ?? 0) / limits.segmentBytes);
  const last = Math.floor((range?.last ?? bytesTotal - 1) / limits.segmentBytes);
  return {
    hash,
    bytesTotal,
    createdAtMs,
    offset: upload === null ? 0 : first * limits.segmentBytes,
    segments:
      upload === null ? wholeRow(database, row) : segmentsOf(database, upload, { first, last }),
  };
}

// --- internal ---

async function* wholeRow(database: Database, row: BlobRow): AsyncGenerator<Segment> {
  const data = await readBytes(database, "SELECT hash, data FROM blobs WHERE hash = $1", [
    row.hash,
  ]);
  if (data === null) throw missing("The blob was removed while it was being read.");
  yield { ...data, hash: row.hash };
}

/** Segments `first` to `last`, both inclusive. */
interface SegmentRange {
  readonly first: number;
  readonly last: number;
}

async function* segmentsOf(
  database: Database,
  upload: string,
  { first, last }: SegmentRange,
): AsyncGenerator<Segment> {
  const text = "SELECT hash, data FROM blob_segments WHERE upload = $1 AND n = $2";
  for (let n = first; n <= last; n += 1) {
    const segment = await readBytes(database, text, [upload, n]);
    if (segment === null) throw missing(`Segment ${n} of upload ${upload} is missing.`);
    yield segment;
  }
}

async function readBytes(
  database: Database,
  text: string,
  params: readonly Param[],
): Promise<Segment | null> {
  const [row] = await database.query("stream", text, params);
  return row === undefined
    ? null
    : { hash: toBlobKey(toBytes(row["hash"])), data: toBytes(row["data"]) };
}

function missing(why: string): RegistryError {
  return new RegistryError("corrupt_blob", "The stored bytes of this blob are not whole.", {
    cause: new Error(why),
  });
}
