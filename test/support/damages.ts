import { limits } from "../../src/domain/limits.ts";
import type { NewBlob } from "../../src/domain/blob-store.ts";
import type { Database, Param } from "../../src/storage/database.ts";
import { randomBlob, shortKey, type LargeBlob } from "./blobs.ts";
import { flipped, insertRow, overwriteRow, uploadOf } from "./damage.ts";

/** Something that may happen to stored bytes behind the registry's back. */
export interface Damage<Kind> {
  readonly name: string;
  /** What `verify` says of it. */
  readonly why: RegExp;
  /** Readers get the blob all the same. */
  readonly isServed?: true;
  /** Does it to a blob that is stored and good. */
  do(database: Database, blob: Kind): Promise<void>;
}

async function change(database: Database, text: string, params: readonly Param[]): Promise<void> {
  const { count } = await database.query("write", text, params);
  if (count === 0) throw new Error(`nothing was changed: ${text}`);
}

/** To a blob that is one row. */
export const smallDamages: readonly Damage<NewBlob>[] = [
  {
    name: "a bit turned",
    why: /^its bytes hash to [0-9a-f]{64}$/,
    do: async (database, { hash, data }) => await overwriteRow(database, hash, flipped(data)),
  },
  {
    name: "the end cut off",
    why: /^its bytes hash to /,
    do: async (database, { hash, data }) => await overwriteRow(database, hash, data.slice(0, -1)),
  },
  {
    name: "another size noted",
    why: /^\d+ bytes where 7 were noted$/,
    do: async (database, { hash }) =>
      await change(database, "UPDATE blobs SET size = 7 WHERE hash = $1", [hash]),
  },
  {
    name: "bad rows under both keys",
    why: /^its bytes hash to /,
    async do(database, { hash, data }) {
      await overwriteRow(database, hash, flipped(data));
      await insertRow(database, shortKey(hash), { data: flipped(data) });
    },
  },
  {
    name: "a row that points to an upload that is not there",
    why: /^its segments together hash to |^none of its \d+ segments is there$/,
    async do(database, { hash }) {
      const text = "UPDATE blobs SET upload = $2, data = $3 WHERE hash = $1";
      await change(database, text, [hash, Bun.randomUUIDv7(), new Uint8Array(0)]);
    },
  },
];

const setSegment = "UPDATE blob_segments SET data = $3 WHERE upload = $1 AND n = $2";

/** To a blob in segments, three of them at least. */
export const largeDamages: readonly Damage<LargeBlob>[] = [
  {
    name: "a bit turned",
    why: /^segment 1 does not match its hash$/,
    async do(database, { hash, data }) {
      const bad = flipped(data.slice(limits.segmentBytes, 2 * limits.segmentBytes));
      await change(database, setSegment, [await uploadOf(database, hash), 1, bad]);
    },
  },
  {
    name: "a segment cut short",
    why: /^segment 1 holds 100 bytes where 1048576 were expected$/,
    async do(database, { hash, data }) {
      await change(database, setSegment, [await uploadOf(database, hash), 1, data.slice(0, 100)]);
    },
  },
  {
    name: "a segment missing",
    why: /^segment 1 is missing$/,
    async do(database, { hash }) {
      const text = "DELETE FROM blob_segments WHERE upload = $1 AND n = 1";
      await change(database, text, [await uploadOf(database, hash)]);
    },
  },
  {
    name: "the last segment missing",
    why: /^segment 2 is missing$/,
    async do(database, { hash }) {
      const text = "DELETE FROM blob_segments WHERE upload = $1 AND n = 2";
      await change(database, text, [await uploadOf(database, hash)]);
    },
  },
  {
    name: "two segments swapped with their hashes",
    why: /^its segments together hash to [0-9a-f]{64}$/,
    do: async (database, { hash }) => await swapSegments(database, await uploadOf(database, hash)),
  },
  {
    name: "a segment of other bytes, with their hash",
    why: /^its segments together hash to /,
    async do(database, { hash }) {
      const other = randomBlob(limits.segmentBytes);
      const text = "UPDATE blob_segments SET data = $3, hash = $4 WHERE upload = $1 AND n = $2";
      const upload = await uploadOf(database, hash);
      await change(database, text, [upload, 0, other.data, other.hash]);
    },
  },
  {
    name: "a segment too many",
    why: /^it has more segments than its 3; it is served whole all the same$/,
    isServed: true,
    async do(database, { hash }) {
      const extra = randomBlob(10);
      const text = "INSERT INTO blob_segments (upload, n, hash, data) VALUES ($1, $2, $3, $4)";
      const upload = await uploadOf(database, hash);
      await change(database, text, [upload, 3, extra.hash, extra.data]);
    },
  },
  {
    name: "its upload gone",
    why: /^none of its 3 segments is there$/,
    async do(database, { hash }) {
      const text = "DELETE FROM blob_segments WHERE upload = $1";
      await change(database, text, [await uploadOf(database, hash)]);
    },
  },
  {
    name: "a smaller size noted",
    why: /^segment 0 holds 1048576 bytes where 100 were expected$/,
    do: async (database, { hash }) =>
      await change(database, "UPDATE blobs SET size = 100 WHERE hash = $1", [hash]),
  },
  {
    name: "a larger size noted",
    why: /^segment 2 holds \d+ bytes where 1048576 were expected$/,
    do: async (database, { hash }) =>
      await change(database, "UPDATE blobs SET size = $2 WHERE hash = $1", [
        hash,
        4 * limits.segmentBytes,
      ]),
  },
  {
    name: "a size noted that no blob has",
    why: /^it notes 9000000000000 bytes, which no blob has$/,
    do: async (database, { hash }) =>
      await change(database, "UPDATE blobs SET size = 9000000000000 WHERE hash = $1", [hash]),
  },
];

/** Swaps the first two segments of an upload, each with its own hash. */
export async function swapSegments(database: Database, upload: string): Promise<void> {
  for (const [from, to] of [
    [0, -1],
    [1, 0],
    [-1, 1],
  ] as const) {
    const text = "UPDATE blob_segments SET n = $3 WHERE upload = $1 AND n = $2";
    await change(database, text, [upload, from, to]);
  }
}
