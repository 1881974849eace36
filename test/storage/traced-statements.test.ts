import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "bun:test";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import type { Query } from "../../src/storage/database.ts";
import { measured } from "../../src/storage/measured-database.ts";
import { operationOf } from "../../src/storage/traced-statements.ts";
import { parseBlobKey } from "../../src/domain/blob-key.ts";
import { twoKinds, type OwnDatabase } from "../support/databases.ts";
import { recordSpans, type RecordedSpans } from "../support/recorded-spans.ts";

for (const kind of twoKinds) {
  describe.skipIf(!kind.isHere)(`statements of recorded requests on ${kind.name}`, () => {
    let own: OwnDatabase;
    let spans: RecordedSpans;
    beforeAll(async () => {
      own = await kind.open();
    });
    afterAll(() => own.remove());
    beforeEach(() => {
      spans = recordSpans();
    });
    afterEach(() => spans.stop());

    it("are spans by the conventions for databases", async () => {
      const database = measured(own.database);
      await spans.record("request", async () => await database.query("read", "SELECT 1 AS one"));
      const system = own.database.dialect.name === "postgres" ? "postgresql" : "sqlite";
      expect(spans.named("SELECT")).toMatchObject({
        kind: "client",
        parentSpanId: spans.named("request").spanId,
        attributes: {
          "db.system.name": system,
          "db.operation.name": "SELECT",
          "db.query.summary": "SELECT",
          "db.response.returned_rows": 1,
          "registry.db.lane": "read",
        },
      });
    });

    it("are named by what they do to which table, not to what they make themselves", async () => {
      const database = measured(own.database);
      const store = createSqlBlobStore(database);
      const key = parseBlobKey("a".repeat(64));
      await spans.record("request", async () => {
        await store.readMany([key]);
        await database.query("write", "DELETE FROM uploads");
      });
      expect(spans.names()).toEqual(["SELECT blobs", "DELETE uploads", "request"]);
      expect(spans.named("SELECT blobs").attributes["db.collection.name"]).toBe("blobs");
      expect(JSON.stringify(spans.ended)).not.toContain("aaaa");
    });

    it("of a transaction are below it", async () => {
      const database = measured(own.database);
      const work = async (query: Query): Promise<number> => {
        await query("SELECT 1");
        return 2;
      };
      const asked = (): Promise<number> => database.transaction("stream", work);
      expect(await spans.record("request", asked)).toBe(2);
      const transaction = spans.named("TRANSACTION");
      expect(transaction.parentSpanId).toBe(spans.named("request").spanId);
      expect(spans.named("SELECT").parentSpanId).toBe(transaction.spanId);
    });

    it("that fail say with what, and nothing more", async () => {
      const database = measured(own.database);
      await spans.record("request", async () => {
        await database.query("read", "SELECT nothing_secret").catch(() => {});
      });
      expect(spans.named("SELECT").error).toMatch(/^\w+$/);
      expect(JSON.stringify(spans.ended)).not.toContain("secret");
    });

    it("are none of nobody's", async () => {
      await measured(own.database).query("read", "SELECT 1");
      expect(spans.ended).toEqual([]);
    });
  });
}

describe("operationOf", () => {
  it.each([
    ["SELECT", "SELECT 1"],
    ["SELECT", "WITH a AS (SELECT 1) SELECT * FROM a"],
    ["INSERT", "WITH a AS (SELECT 1) INSERT INTO b SELECT * FROM a"],
    ["DELETE", "DELETE FROM uploads"],
    ["OTHER", "CREATE TABLE a (b int)"],
  ])("is %s for %s", (operation, text) => {
    expect(operationOf(text)).toBe(operation);
  });
});
