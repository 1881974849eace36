import { describe, expect, it } from "bun:test";
import { estimateSize } from "../../src/storage/database-size.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { randomBlob } from "../support/blobs.ts";
import { databaseKinds } from "../support/databases.ts";

for (const kind of databaseKinds) {
  describe.skipIf(!kind.isHere)(`the size of a database on ${kind.name}`, () => {
    it("grows with what is stored, and the blobs are known once it has counted them", async () => {
      const { database, remove } = await kind.open();
      try {
        const before = await estimateSize(database);
        const store = createSqlBlobStore(database);
        await store.putMany([randomBlob(100_000), randomBlob(100_001), randomBlob(100_002)]);
        await database.query("write", "ANALYZE");
        const after = await estimateSize(database);
        expect(after.bytes).toBeGreaterThan(before.bytes + 300_000);
        expect(after.blobs).toBe(3);
        expect([0, null]).toContain(before.blobs);
      } finally {
        await remove();
      }
    });
  });
}
