import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import type { BlobStore } from "../../src/domain/blob-store.ts";
import type { Database } from "../../src/storage/database.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { randomBlob, randomLargeBlob, uploadLarge } from "../support/blobs.ts";
import { looseUploads, orphanCount, rowsOf, segmentCountOf, uploadOf } from "../support/damage.ts";
import { type OwnDatabase, twoKinds } from "../support/databases.ts";
import { codeRejectedBy } from "../support/error-code.ts";

describe.each([...twoKinds])("a large upload to $name", ({ open }) => {
  let own: OwnDatabase;
  let database: Database;
  let store: BlobStore;
  beforeAll(async () => {
    own = await open();
    ({ database } = own);
    store = createSqlBlobStore(database);
  });
  afterAll(async () => await own.remove());

  it("is one row without bytes, its segments beside it, and no upload under way", async () => {
    const blob = randomLargeBlob();
    await uploadLarge(store, blob);
    const [row] = await rowsOf(database, blob.hash);
    expect(Number(row?.["size"])).toBe(blob.data.length);
    expect(row?.["data"]).toHaveLength(0);
    expect(await segmentCountOf(database, await uploadOf(database, blob.hash))).toBe(3);
    expect(await looseUploads(database)).toEqual([]);
  });

  it("that is aborted leaves nothing, however many segments it had", async () => {
    const upload = await store.beginUpload();
    for (let n = 0; n < 70; n += 1) await upload.append(randomBlob(10));
    await upload.abort();
    await upload.abort();
    expect(await looseUploads(database)).toEqual([]);
    expect(await orphanCount(database)).toBe(0);
  });

  it("that is aborted after its commit takes nothing of the blob", async () => {
    const blob = randomLargeBlob();
    const upload = await store.beginUpload();
    for (const segment of blob.segments) await upload.append(segment);
    await upload.commit(blob.hash);
    await upload.abort();
    expect(await segmentCountOf(database, await uploadOf(database, blob.hash))).toBe(3);
  });

  it("that is committed is not committed again under another hash", async () => {
    const [blob, other] = [randomLargeBlob(), randomBlob(10)];
    const upload = await store.beginUpload();
    for (const segment of blob.segments) await upload.append(segment);
    await upload.commit(blob.hash);
    expect(await codeRejectedBy(upload.commit(other.hash))).toBe("upload_expired");
    expect(await store.statMany([other.hash])).toEqual([null]);
  });

  it("does not count a segment whose statement failed: it can be sent again", async () => {
    const blob = randomLargeBlob();
    let failing = 0;
    const upload = await createSqlBlobStore({
      ...database,
      async transaction(lane, work) {
        failing += 1;
        if (failing === 3) throw new Error("out");
        return await database.transaction(lane, work);
      },
    }).beginUpload();
    const [first, second, third] = blob.segments;
    if (first === undefined || second === undefined || third === undefined) throw new Error("3");
    await upload.append(first);
    await expect(upload.append(second)).rejects.toThrow("out");
    await upload.append(second);
    await upload.append(third);
    expect(await upload.commit(blob.hash)).toEqual({ created: true });
    const rows = await database.query(
      "read",
      "SELECT n FROM blob_segments WHERE upload = $1 ORDER BY n",
      [await uploadOf(database, blob.hash)],
    );
    expect(rows.map((row) => row["n"])).toEqual([0, 1, 2]);
  });

  it("that lost a segment is not committed", async () => {
    const blob = randomLargeBlob();
    const upload = await store.beginUpload();
    for (const segment of blob.segments) await upload.append(segment);
    const [id = ""] = await looseUploads(database);
    await database.query("write", "DELETE FROM blob_segments WHERE upload = $1 AND n = 1", [id]);
    expect(await codeRejectedBy(upload.commit(blob.hash))).toBe("upload_expired");
    expect(await store.statMany([blob.hash])).toEqual([null]);
    await upload.abort();
  });
});
