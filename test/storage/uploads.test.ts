import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import type { BlobStore } from "../../src/domain/blob-store.ts";
import { bytesEqual } from "../../src/domain/bytes.ts";
import { limits } from "../../src/domain/limits.ts";
import type { Database } from "../../src/storage/database.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { bytesOf, randomBlob, randomLargeBlob } from "../support/blobs.ts";
import { age, looseUploads, orphanCount, segmentCountOf, sweepNow } from "../support/damage.ts";
import { databaseKinds, type OwnDatabase } from "../support/databases.ts";
import { codeRejectedBy } from "../support/error-code.ts";

const hourMs = limits.uploadIdleMsMax;

describe.each(databaseKinds.filter(({ isHere }) => isHere))("sweeping $name", ({ open }) => {
  let own: OwnDatabase;
  let database: Database;
  let store: BlobStore;
  beforeAll(async () => {
    own = await open();
    ({ database } = own);
    store = createSqlBlobStore(database);
  });
  afterEach(async () => {
    await database.query("write", "DELETE FROM uploads");
    await database.query("write", "DELETE FROM blob_segments");
    await database.query("write", "DELETE FROM blobs");
  });
  afterAll(async () => await own.remove());

  /** An upload under way with small segments, and its identity. */
  async function begun(segmentCount: number) {
    const before = await looseUploads(database);
    const upload = await store.beginUpload();
    const [id = ""] = (await looseUploads(database)).filter((one) => !before.includes(one));
    const segments = Array.from({ length: segmentCount }, () => randomBlob(10));
    for (const segment of segments) await upload.append(segment);
    return { upload, id };
  }

  it("removes what nobody has touched for an hour, by the database's clock", async () => {
    const [old, young] = [await begun(3), await begun(3)];
    await age(database, old.id, hourMs + 1000);
    await age(database, young.id, hourMs - 60_000);
    expect(await sweepNow(database)).toBe(1);
    expect(await looseUploads(database)).toEqual([young.id]);
    expect(await segmentCountOf(database, old.id)).toBe(0);
    expect(await segmentCountOf(database, young.id)).toBe(3);
    expect(await sweepNow(database)).toBe(0);
  });

  it("spares an upload that goes on", async () => {
    const { upload, id } = await begun(1);
    await age(database, id, hourMs + 1000);
    await upload.append(randomBlob(10));
    expect(await sweepNow(database)).toBe(0);
    expect(await upload.commit(randomBlob(31).hash)).toEqual({ created: true });
  });

  it("never touches what a blob has, however old", async () => {
    const blob = randomLargeBlob();
    const upload = await store.beginUpload();
    for (const segment of blob.segments) await upload.append(segment);
    await upload.commit(blob.hash);
    expect(await sweepNow(database)).toBe(0);
    expect(await orphanCount(database)).toBe(0);
    expect(bytesEqual(await bytesOf(await store.openRead(blob.hash)), blob.data)).toBe(true);
  });

  it.each([0, 1, 63, 64, 65, 200])("removes all of %d segments", async (segmentCount) => {
    const { id } = await begun(segmentCount);
    await age(database, id, hourMs + 1000);
    expect(await sweepNow(database)).toBe(1);
    expect(await segmentCountOf(database, id)).toBe(0);
    expect(await looseUploads(database)).toEqual([]);
  });

  it("tells an upload that was swept, and shows nothing of it", async () => {
    const { upload, id } = await begun(2);
    await age(database, id, hourMs + 1000);
    await sweepNow(database);
    const { hash } = randomBlob(20);
    expect(await codeRejectedBy(upload.append(randomBlob(10)))).toBe("upload_expired");
    expect(await codeRejectedBy(upload.commit(hash))).toBe("upload_expired");
    expect(await store.statMany([hash])).toEqual([null]);
    expect(await orphanCount(database)).toBe(0);
    await upload.abort();
  });

  it("tells an upload that is only half swept, and shows nothing of it", async () => {
    const { upload, id } = await begun(100);
    await age(database, id, hourMs + 1000);
    // The sweep breaks off after its first transaction, as a registry that is killed does.
    const broken = sweepNow(failingAfter(database, 1));
    expect(await broken.catch((error: unknown) => error)).toBeInstanceOf(Error);
    expect(await segmentCountOf(database, id)).toBe(36);
    const { hash } = randomBlob(20);
    expect(await codeRejectedBy(upload.commit(hash))).toBe("upload_expired");
    expect(await store.statMany([hash])).toEqual([null]);
    expect(await sweepNow(database)).toBe(1);
    expect(await orphanCount(database)).toBe(0);
  });

  it("while committing: a blob has all its segments, or there is none", async () => {
    const outcomes = new Set<unknown>();
    for (let round = 0; round < 60; round += 1) {
      const { upload, id } = await begun(3);
      const { hash } = randomBlob(20);
      await age(database, id, hourMs + 1000);
      const sweep = () => sweepNow(database);
      const commit = () => codeRejectedBy(upload.commit(hash));
      const [first, second] = round % 2 === 0 ? [sweep, commit] : [commit, sweep];
      const both = await Promise.all([first(), second()]);
      const committed = both.includes("none");
      outcomes.add(committed);
      const [stat] = await store.statMany([hash]);
      expect(stat !== null).toBe(committed);
      expect(await segmentCountOf(database, id)).toBe(committed ? 3 : 0);
    }
    expect(await looseUploads(database)).toEqual([]);
    expect(outcomes.size).toBeGreaterThan(0);
  });

  it("by several registries at the same time removes each upload once", async () => {
    const all = await Promise.all(
      Array.from({ length: 10 }, async () => await store.beginUpload()),
    );
    for (const upload of all) await upload.append(randomBlob(10));
    for (const id of await looseUploads(database)) await age(database, id, hourMs + 1000);
    const swept = await Promise.all([1, 2, 3].map(async () => await sweepNow(database)));
    expect(swept.reduce((total, count) => total + count, 0)).toBe(10);
    expect(await orphanCount(database)).toBe(0);
  });
});

/** A database that fails from its transaction number `count` + 1 on. */
function failingAfter(database: Database, count: number): Database {
  let begun = 0;
  return {
    ...database,
    async transaction(lane, work) {
      begun += 1;
      if (begun > count) throw new Error("killed");
      return await database.transaction(lane, work);
    },
  };
}
