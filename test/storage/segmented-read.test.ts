import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import type { BlobStore } from "../../src/domain/blob-store.ts";
import type { Database } from "../../src/storage/database.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { bytesOf, randomBlob, randomLargeBlob, uploadLarge } from "../support/blobs.ts";
import { uploadOf } from "../support/damage.ts";
import { type OwnDatabase, twoKinds } from "../support/databases.ts";
import { codeRejectedBy } from "../support/error-code.ts";

describe.each([...twoKinds])("reading from $name piece by piece", ({ open }) => {
  let own: OwnDatabase;
  let database: Database;
  let lanes: string[];
  let store: BlobStore;
  beforeAll(async () => {
    own = await open();
    lanes = [];
    database = {
      ...own.database,
      async query(lane, text, params) {
        lanes.push(lane);
        return await own.database.query(lane, text, params);
      },
    };
    store = createSqlBlobStore(database);
  });
  afterAll(async () => await own.remove());

  it("asks for a segment when it is wanted, and for none after", async () => {
    const blob = randomLargeBlob();
    await uploadLarge(store, blob);
    lanes = [];
    const reader = await store.openRead(blob.hash);
    expect(lanes).toEqual(["read"]);
    for await (const segment of reader?.segments ?? []) {
      expect(segment.data).toHaveLength(1 << 20);
      break;
    }
    expect(lanes).toEqual(["read", "stream"]);
  });

  it("asks only for the segments of the range", async () => {
    const blob = randomLargeBlob();
    await uploadLarge(store, blob);
    lanes = [];
    await bytesOf(await store.openRead(blob.hash, { first: 1 << 20, last: (2 << 20) - 1 }));
    expect(lanes).toEqual(["read", "stream"]);
  });

  it("tells a segment that is missing", async () => {
    const blob = randomLargeBlob();
    await uploadLarge(store, blob);
    const upload = await uploadOf(database, blob.hash);
    await database.query("write", "DELETE FROM blob_segments WHERE upload = $1", [upload]);
    expect(await codeRejectedBy(bytesOf(await store.openRead(blob.hash)))).toBe("corrupt_blob");
  });

  it("tells a row that goes between opening and reading", async () => {
    const blob = randomBlob(10);
    await store.putMany([blob]);
    const reader = await store.openRead(blob.hash);
    await database.query("write", "DELETE FROM blobs WHERE hash = $1", [blob.hash]);
    expect(await codeRejectedBy(bytesOf(reader))).toBe("corrupt_blob");
  });
});
