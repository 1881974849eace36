import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { RegistryError } from "../../src/domain/errors.ts";
import type { Database } from "../../src/storage/database.ts";
import { measured, type MeasuredDatabase } from "../../src/storage/measured-database.ts";
import { twoKinds, type OwnDatabase } from "../support/databases.ts";

function kindsOf({ counts }: MeasuredDatabase): string[] {
  return Array.from(counts.series(), ({ lane, operation, error, durations }) => {
    const count = durations.counts.reduce((total, each) => total + each, 0);
    return `${lane} ${operation} ${error ?? "ok"}: ${count}`;
  });
}

for (const kind of twoKinds) {
  describe.skipIf(!kind.isHere)(`a measured database on ${kind.name}`, () => {
    let own: OwnDatabase;
    beforeAll(async () => {
      own = await kind.open();
    });
    afterAll(() => own.remove());

    it("counts statements by lane, verb and outcome, and a transaction as one", async () => {
      const database = measured(own.database);
      await database.query("read", "SELECT 1");
      await database.query("read", "WITH a AS (SELECT 1 AS x) SELECT x FROM a");
      await database.query("write", "DELETE FROM uploads");
      await database.transaction("stream", async (query) => {
        await query("SELECT 1");
        await query("SELECT 2");
      });
      await database.query("health", "SELECT nothing").catch(() => {});
      expect(kindsOf(database)).toEqual([
        "read SELECT ok: 2",
        "write DELETE ok: 1",
        "stream TRANSACTION ok: 1",
        "health SELECT other: 1",
      ]);
    });

    it("knows what is under way", async () => {
      const database = measured(own.database);
      const statement = database.query("read", "SELECT 1");
      expect(database.counts.pending).toEqual({ read: 1, write: 0, stream: 0, health: 0 });
      await statement;
      expect(database.counts.pending.read).toBe(0);
    });
  });
}

describe("a measured database that is out", () => {
  it("is known to be, until one statement finds it", async () => {
    let failure: RegistryError | null = new RegistryError("database_unavailable", "");
    const inner = {
      query: async () => {
        if (failure !== null) throw failure;
        return [];
      },
    } as unknown as Database;
    const database = measured(inner);
    expect(database.counts.isOut()).toBe(false);
    expect(await database.query("read", "SELECT 1").catch((error: unknown) => error)).toBe(failure);
    expect(database.counts.isOut()).toBe(true);
    failure = null;
    await database.query("read", "SELECT 1");
    expect(database.counts.isOut()).toBe(false);
    expect(kindsOf(database)).toEqual(["read SELECT database_unavailable: 1", "read SELECT ok: 1"]);
  });
});
