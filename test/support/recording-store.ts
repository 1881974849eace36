import { keyMatches, type BlobHash, type BlobKey } from "../../src/domain/blob-key.ts";
import type {
  BlobStore,
  BlobUpload,
  ByteRange,
  NewBlob,
  PutReceipt,
  Segment,
  StoredBlob,
} from "../../src/domain/blob-store.ts";
import { toHex } from "../../src/domain/bytes.ts";
import type { RegistryError } from "../../src/domain/errors.ts";

/** A store of plain arrays that tells what was asked of it. */
export interface RecordingStore extends BlobStore {
  /** Every call as it begins: its name, and `done` as it ends, e.g. `append`, `append done`. */
  readonly calls: string[];
  readonly puts: NewBlob[];
  readonly segments: Segment[];
  readonly commits: BlobHash[];
  readonly ranges: (ByteRange | undefined)[];
}

/** How a recording store behaves. */
export interface RecordingStoreOptions {
  /** Waited for before a call does anything; when it fails, so does the call. */
  before?(call: string): Promise<void>;
  /** What reads and puts answer for their elements instead of the truth. */
  readonly answer?: RegistryError;
}

/** An empty recording store. Reads serve what was put whole; uploads are kept apart. */
export function createRecordingStore(options: RecordingStoreOptions = {}): RecordingStore {
  const { before, answer } = options;
  const calls: string[] = [];
  const puts: NewBlob[] = [];
  const segments: Segment[] = [];
  const commits: BlobHash[] = [];
  const ranges: (ByteRange | undefined)[] = [];

  async function record<T>(call: string, work: () => T): Promise<T> {
    calls.push(call);
    await before?.(call);
    const result = work();
    calls.push(`${call} done`);
    return result;
  }

  function find(key: BlobKey): StoredBlob | RegistryError | null {
    if (answer !== undefined) return answer;
    const found = puts.find(({ hash }) => keyMatches(key, hash));
    if (found === undefined) return null;
    const { hash, data } = found;
    return { hash, data, bytesTotal: data.length, createdAtMs: null };
  }

  function put(blob: NewBlob): PutReceipt | RegistryError {
    if (answer !== undefined) return answer;
    const created = puts.every(({ hash }) => toHex(hash) !== toHex(blob.hash));
    puts.push(blob);
    return { created };
  }

  const upload: BlobUpload = {
    append: async ({ hash, data }) =>
      await record("append", () => void segments.push({ hash, data: data.slice() })),
    commit: async (hash) => await record("commit", () => ({ created: commits.push(hash) === 1 })),
    abort: async () => await record("abort", () => {}),
  };

  return {
    calls,
    puts,
    segments,
    commits,
    ranges,
    readMany: async (keys) => await record("readMany", () => keys.map(find)),
    statMany: async (keys) => await record("statMany", () => keys.map(find)),
    putMany: async (blobs) => await record("putMany", () => blobs.map(put)),
    openRead: async (_, range) =>
      await record("openRead", () => {
        ranges.push(range);
        return null;
      }),
    beginUpload: async () => await record("beginUpload", () => upload),
    close: async () => await record("close", () => {}),
  };
}
