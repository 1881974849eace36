import type { BlobKey } from "../domain/blob-key.ts";
import type { BlobStore, NewBlob, PutReceipt, StoredBlob } from "../domain/blob-store.ts";
import type { RegistryError } from "../domain/errors.ts";
import { readAllRows, readRows, toStoredBlob } from "./blob-rows.ts";
import { insertBlobs, replaceBlob } from "./blob-writes.ts";
import type { Database } from "./database.ts";
import { openSegmentedRead } from "./segmented-read.ts";
import { beginSegmentedUpload } from "./segmented-upload.ts";

/** A store in which a blob may have two rows: one under its hash, one of the Rust registry's. */
export interface SqlBlobStore extends BlobStore {
  /** All that a key may name, the one that `readMany` gives first. */
  readAll(key: BlobKey): Promise<StoredBlob[]>;
}

/**
 * The store in a database: PostgreSQL or SQLite, the same statements. It believes what it reads
 * and gives the keys of the Rust registry's rows as they are: wrap it in `verified`.
 */
export function createSqlBlobStore(database: Database): SqlBlobStore {
  return {
    async readMany(keys: readonly BlobKey[]) {
      const rows = await readRows(database, keys, true);
      return rows.map((row) => (row === null ? null : toStoredBlob(row)));
    },

    async readAll(key: BlobKey) {
      return (await readAllRows(database, key)).map(toStoredBlob);
    },

    async statMany(keys: readonly BlobKey[]) {
      return await readRows(database, keys, false);
    },

    async putMany(blobs: readonly NewBlob[]): Promise<(PutReceipt | RegistryError)[]> {
      const inserts = blobs.filter(({ replaces }) => replaces === undefined);
      const receipts = await insertBlobs(database, inserts);
      const answers: PutReceipt[] = [];
      for (const blob of blobs) {
        const { replaces } = blob;
        const receipt =
          replaces === undefined ? receipts.shift() : await replaceBlob(database, blob, replaces);
        answers.push(receipt ?? { created: false });
      }
      return answers;
    },

    openRead: async (key, range) => await openSegmentedRead(database, key, range),
    beginUpload: async () => await beginSegmentedUpload(database),
    close: async () => await database.close(),
  };
}
