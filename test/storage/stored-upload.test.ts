import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { createCounters } from "../../src/domain/counters.ts";
import type { BlobStore } from "../../src/domain/blob-store.ts";
import { bytesEqual } from "../../src/domain/bytes.ts";
import { limits } from "../../src/domain/limits.ts";
import type { Database } from "../../src/storage/database.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { verified } from "../../src/storage/verified.ts";
import {
  bytesOf,
  hashing,
  type LargeBlob,
  randomLargeBlob,
  uploadLarge,
} from "../support/blobs.ts";
import { flipped, looseUploads, orphanCount, segmentCountOf, uploadOf } from "../support/damage.ts";
import { databaseKinds, type OwnDatabase } from "../support/databases.ts";
import { codeRejectedBy } from "../support/error-code.ts";

describe.each(databaseKinds.filter(({ isHere }) => isHere))("in $name", ({ open }) => {
  let own: OwnDatabase;
  let database: Database;
  let store: BlobStore;
  beforeAll(async () => {
    own = await open();
    ({ database } = own);
    store = verified(createSqlBlobStore(database), { hashing, counters: createCounters() });
  });
  afterAll(async () => await own.remove());

  async function change(text: string, ...params: (string | number | Uint8Array)[]) {
    const { count } = await database.query("write", text, params as string[]);
    expect(count).toBeGreaterThan(0);
  }

  async function stored(): Promise<{ blob: LargeBlob; upload: string }> {
    const blob = randomLargeBlob();
    await uploadLarge(store, blob);
    return { blob, upload: await uploadOf(database, blob.hash) };
  }

  async function expectWhole(blob: LargeBlob) {
    expect(bytesEqual(await bytesOf(await store.openRead(blob.hash)), blob.data)).toBe(true);
  }

  it("keeps the segments that were there when they are good; the new ones go", async () => {
    const { blob, upload } = await stored();
    expect(await uploadLarge(store, blob)).toBe(false);
    expect(await uploadOf(database, blob.hash)).toBe(upload);
    expect(await looseUploads(database)).toEqual([]);
    expect(await orphanCount(database)).toBe(0);
    await expectWhole(blob);
  });

  const damages: [what: string, damage: (upload: string, blob: LargeBlob) => Promise<void>][] = [
    [
      "has a bit turned",
      async (upload, { data }) => {
        const bad = flipped(data.slice(limits.segmentBytes, 2 * limits.segmentBytes));
        const text = "UPDATE blob_segments SET data = $2 WHERE upload = $1 AND n = 1";
        await change(text, upload, bad);
      },
    ],
    [
      "is missing",
      async (upload) =>
        await change("DELETE FROM blob_segments WHERE upload = $1 AND n = 2", upload),
    ],
    [
      "has another hash",
      async (upload) => {
        const text = "UPDATE blob_segments SET hash = $2 WHERE upload = $1 AND n = 0";
        await change(text, upload, new Uint8Array(32));
      },
    ],
  ];
  it.each(damages)("takes the new segments when a stored one %s", async (_, damage) => {
    const { blob, upload } = await stored();
    await damage(upload, blob);
    expect(await uploadLarge(store, blob)).toBe(false);
    await expectWhole(blob);
    const now = await uploadOf(database, blob.hash);
    expect(now).not.toBe(upload);
    expect(await looseUploads(database)).toContain(upload);
    expect(await looseUploads(database)).not.toContain(now);
    expect(await orphanCount(database)).toBe(0);
  });

  it.each([0, 7, 2_000_000_000])("takes them when the row notes %d bytes", async (size) => {
    const { blob, upload } = await stored();
    await change("UPDATE blobs SET size = $2 WHERE hash = $1", blob.hash, size);
    expect(await uploadLarge(store, blob)).toBe(false);
    await expectWhole(blob);
    expect(await looseUploads(database)).toContain(upload);
  });

  it("takes them when the row claims to hold the bytes itself", async () => {
    const { blob } = await stored();
    await change(
      "UPDATE blobs SET upload = NULL, data = $2 WHERE hash = $1",
      blob.hash,
      flipped(blob.data),
    );
    expect(await uploadLarge(store, blob)).toBe(false);
    await expectWhole(blob);
    expect(await segmentCountOf(database, await uploadOf(database, blob.hash))).toBe(3);
  });

  it("lets who reads the old segments read on", async () => {
    const { blob, upload } = await stored();
    await change("DELETE FROM blob_segments WHERE upload = $1 AND n = 2", upload);
    const reader = await createSqlBlobStore(database).openRead(blob.hash, { first: 0, last: 9 });
    await uploadLarge(store, blob);
    expect((await bytesOf(reader)).length).toBe(limits.segmentBytes);
  });

  it("fails when the blob is removed meanwhile, and leaves the upload to be swept", async () => {
    const { blob, upload: damaged } = await stored();
    await change("DELETE FROM blob_segments WHERE upload = $1 AND n = 2", damaged);
    const upload = await createSqlBlobStore(removing(database, blob)).beginUpload();
    for (const segment of blob.segments) await upload.append(segment);
    expect(await codeRejectedBy(upload.commit(blob.hash))).toBe("upload_expired");
    await upload.abort();
    expect(await store.statMany([blob.hash])).toEqual([null]);
  });

  it("leaves no segments behind when several repair a blob at the same time", async () => {
    const damaged = await Promise.all(Array.from({ length: 4 }, stored));
    const mine = await Promise.all(
      damaged.flatMap(({ blob, upload }) => [
        change("DELETE FROM blob_segments WHERE upload = $1 AND n = 2", upload).then(() => blob),
      ]),
    );
    const before = await orphanCount(database);
    for (const blob of mine) {
      const all = [1, 2, 3].map(async () => await uploadLarge(store, blob));
      expect(await Promise.all(all)).toEqual([false, false, false]);
      await expectWhole(blob);
    }
    expect((await orphanCount(database)) - before).toBe(0);
  });
});

/** A database in which the blob goes as soon as somebody has looked at it. */
function removing(database: Database, blob: LargeBlob): Database {
  return {
    ...database,
    async query(lane, text, params) {
      const rows = await database.query(lane, text, params);
      if (text.startsWith("SELECT upload, size")) {
        await database.query("write", "DELETE FROM blobs WHERE hash = $1", [blob.hash]);
      }
      return rows;
    },
  };
}
