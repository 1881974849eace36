import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import type { BlobStore } from "../../src/domain/blob-store.ts";
import { bytesEqual } from "../../src/domain/bytes.ts";
import { limits } from "../../src/domain/limits.ts";
import type { Database } from "../../src/storage/database.ts";
import { retireOrphans, walkOrphans } from "../../src/storage/orphans.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { canFindOwners } from "../../src/storage/uploads.ts";
import { bytesOf, randomBlob, randomLargeBlob, uploadLarge } from "../support/blobs.ts";
import { age, looseUploads, segmentCountOf, sweepNow, uploadOf } from "../support/damage.ts";
import { databaseKinds, openOwnPostgres, type OwnDatabase } from "../support/databases.ts";
import { sharedPostgres } from "../support/postgres.ts";
import { codeRejectedBy } from "../support/error-code.ts";

const hourMs = limits.uploadIdleMsMax;
const tables = ["blobs", "blob_segments", "uploads", "quarantined_blobs"];

describe.each(databaseKinds.filter(({ isHere }) => isHere))("orphans in $name", ({ open }) => {
  let own: OwnDatabase;
  let database: Database;
  let store: BlobStore;
  beforeAll(async () => {
    own = await open();
    ({ database } = own);
    store = createSqlBlobStore(database);
  });
  afterEach(async () => {
    for (const table of tables) await database.query("write", `DELETE FROM ${table}`);
  });
  afterAll(async () => await own.remove());

  /** Segments that nobody has. */
  async function orphan(segmentCount: number): Promise<string> {
    const upload = Bun.randomUUIDv7();
    const text = "INSERT INTO blob_segments (upload, n, hash, data) VALUES ($1, $2, $3, $4)";
    for (let n = 0; n < segmentCount; n += 1) {
      const { hash, data } = randomBlob(10);
      await database.query("write", text, [upload, n, hash, data]);
    }
    return upload;
  }

  async function stored() {
    const blob = randomLargeBlob();
    await uploadLarge(store, blob);
    return { blob, upload: await uploadOf(database, blob.hash) };
  }

  it("are found among blobs, quarantined ones and uploads under way, part by part", async () => {
    const orphans = [await orphan(3), await orphan(1)];
    await stored();
    const quarantined = await stored();
    const move =
      "INSERT INTO quarantined_blobs (id, why, hash, data, size, upload) " +
      "SELECT upload, 'bad', hash, data, size, upload FROM blobs WHERE upload = $1";
    await database.query("write", move, [quarantined.upload]);
    await database.query("write", "DELETE FROM blobs WHERE upload = $1", [quarantined.upload]);
    const upload = await store.beginUpload();
    await upload.append(randomBlob(10));
    orphans.push(await orphan(70));
    for (const uploadsMax of [1, 2, 3, 6, 7, 100]) {
      const found: string[] = [];
      let parts = 0;
      let after: string | null = null;
      do {
        const from: string | null = after;
        const query: Parameters<typeof walkOrphans>[0] = async (text, params) =>
          await database.query("read", text, params);
        const walk = await walkOrphans(query, from, uploadsMax);
        found.push(...walk.orphans);
        after = walk.next;
        parts += 1;
      } while (after !== null);
      expect(found).toEqual(orphans.toSorted());
      expect(parts).toBe(Math.floor(6 / uploadsMax) + 1);
    }
    await upload.abort();
  });

  it("are swept an hour after they were found, and nothing else is", async () => {
    const lost = await orphan(70);
    const { blob } = await stored();
    const upload = await store.beginUpload();
    const segment = randomBlob(10);
    await upload.append(segment);
    expect(await retireOrphans(database, null, 100)).toEqual({ orphans: [lost], next: null });
    expect(await sweepNow(database)).toBe(0);
    expect(await retireOrphans(database, null, 100)).toEqual({ orphans: [], next: null });
    await age(database, lost, hourMs + 1000);
    expect(await sweepNow(database)).toBe(1);
    expect(await segmentCountOf(database, lost)).toBe(0);
    expect(await looseUploads(database)).toHaveLength(1);
    expect(await upload.commit(segment.hash)).toEqual({ created: true });
    expect(bytesEqual(await bytesOf(await store.openRead(blob.hash)), blob.data)).toBe(true);
  });

  it("are retired once by several registries at the same time", async () => {
    const lost = await Promise.all([1, 2, 3, 4, 5].map(async () => await orphan(2)));
    await Promise.all([1, 2, 3].map(async () => await retireOrphans(database, null, 100)));
    expect(await looseUploads(database)).toEqual(lost.toSorted());
    for (const upload of lost) await age(database, upload, hourMs + 1000);
    const swept = await Promise.all([1, 2, 3].map(async () => await sweepNow(database)));
    expect(swept.reduce((sum, count) => sum + count)).toBe(5);
    for (const upload of lost) expect(await segmentCountOf(database, upload)).toBe(0);
  });

  it("are never uploads that begin, go on, are committed, replaced or aborted", async () => {
    const isOver = { value: false };
    const looking = (async () => {
      const found: string[] = [];
      while (!isOver.value) found.push(...(await retireOrphans(database, null, 100)).orphans);
      return found;
    })();
    const uploading = Array.from({ length: 4 }, async (_, actor) => {
      for (let round = 0; round < 15; round += 1) {
        const blob = randomLargeBlob(3 + round);
        const upload = await store.beginUpload();
        for (const segment of blob.segments) await upload.append(segment);
        if (actor === 0) await upload.abort();
        else await upload.commit(blob.hash);
        if (actor !== 1) continue;
        // A second upload of a blob that is bad by now takes the place of the first.
        await database.query("write", "UPDATE blobs SET size = 7 WHERE hash = $1", [blob.hash]);
        await uploadLarge(store, blob);
      }
    });
    await Promise.all(uploading);
    isOver.value = true;
    expect(await looking).toEqual([]);
  });

  it("are not taken for abandoned when a blob has them, whatever uploads says", async () => {
    const { blob, upload } = await stored();
    await database.query("write", "INSERT INTO uploads (upload) VALUES ($1)", [upload]);
    await age(database, upload, 2 * hourMs);
    expect(await sweepNow(database)).toBe(0);
    expect(bytesEqual(await bytesOf(await store.openRead(blob.hash)), blob.data)).toBe(true);
  });

  it("cannot be committed once they are retired and swept", async () => {
    const upload = await store.beginUpload();
    await upload.append(randomBlob(10));
    const [id = ""] = await looseUploads(database);
    await database.query("write", "DELETE FROM uploads WHERE upload = $1", [id]);
    expect((await retireOrphans(database, null, 100)).orphans).toEqual([id]);
    await age(database, id, hourMs + 1000);
    await sweepNow(database);
    expect(await codeRejectedBy(upload.commit(randomBlob(10).hash))).toBe("upload_expired");
  });
});

describe("where PostgreSQL has no index of the owners", () => {
  it("orphans cannot be told, and abandoned uploads are swept as ever", async () => {
    const own = await openOwnPostgres(await sharedPostgres());
    const { database } = own;
    expect(await canFindOwners(database, "read")).toBe(true);
    await database.query("write", "DROP INDEX blobs_upload");
    expect(await canFindOwners(database, "read")).toBe(false);
    await createSqlBlobStore(database).beginUpload();
    const [id = ""] = await looseUploads(database);
    await age(database, id, hourMs + 1000);
    expect(await sweepNow(database)).toBe(1);
    await own.remove();
  });

  it("its owners are found by it and not by reading all blobs", async () => {
    const own = await openOwnPostgres(await sharedPostgres());
    const { database } = own;
    await database.query(
      "write",
      "INSERT INTO blobs (hash, data, size) SELECT sha256(CAST(CAST(n AS text) AS bytea)), '', 0 " +
        "FROM generate_series(1, 20000) n",
    );
    await uploadLarge(createSqlBlobStore(database), randomLargeBlob());
    await database.query("write", "ANALYZE blobs");
    const query: Parameters<typeof walkOrphans>[0] = async (text, params = []) => {
      const fill = (whole: string, number: string) => String(params[Number(number) - 1] ?? whole);
      const plan = await database.query("read", `EXPLAIN ${text.replaceAll(/\$(\d)/g, fill)}`);
      expect(plan.map((row) => row["QUERY PLAN"]).join("\n")).toContain("blobs_upload");
      return await database.query("read", text, params);
    };
    expect(await walkOrphans(query, null, 100)).toEqual({ orphans: [], next: null });
    await own.remove();
  });
});
