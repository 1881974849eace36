import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import type { Database } from "../../../src/storage/database.ts";
import { openPostgres } from "../../../src/storage/postgres/open.ts";
import { poolShares } from "../../../src/storage/postgres/pools.ts";
import { startFaultProxy, type FaultProxy } from "../../drive/support/fault-proxy.ts";
import { createRandom } from "../../drive/support/random.ts";
import { optionsOf } from "../../support/databases.ts";
import { codeRejectedBy } from "../../support/error-code.ts";
import { sharedPostgres, type TestDatabase } from "../../support/postgres.ts";

describe("poolShares", () => {
  it.each([4, 5, 6, 7, 8, 16, 100])(
    "divides %d connections, and gives every lane one",
    (poolMax) => {
      const shares = Object.values(poolShares(poolMax));
      expect(shares.reduce((total, share) => total + share, 0)).toBe(poolMax);
      expect(Math.min(...shares)).toBeGreaterThanOrEqual(1);
    },
  );
});

describe("connections that went dark for good", () => {
  let target: TestDatabase;
  let proxy: FaultProxy;
  let database: Database;

  beforeAll(async () => {
    target = await (await sharedPostgres()).createDatabase();
    proxy = await startFaultProxy(target.port, createRandom(1));
    const options = { ...optionsOf(target), port: proxy.port, timeoutMs: 300 };
    database = openPostgres({ ...options, tls: "disable" });
  });

  afterAll(async () => {
    await database.close();
    proxy.stop();
    await target.drop();
  });

  async function one(lane: "read" | "write"): Promise<unknown> {
    const [row] = await database.query(lane, "SELECT 1 AS one");
    return row?.["one"];
  }

  it("are given up with the first call that nobody answers, and new ones work", async () => {
    await Promise.all([one("read"), one("read"), one("write"), one("write")]);
    proxy.change({ kind: "dark", forgets: true });
    const first = [
      one("read"),
      database.transaction("write", async (query) => await query("SELECT 1")),
    ];
    expect(await Promise.all(first.map(codeRejectedBy))).toEqual([
      "database_timeout",
      "database_timeout",
    ]);
    proxy.change({ kind: "fair" });
    for (const lane of ["read", "write"] as const) {
      expect(await one(lane)).toBe(1);
    }
  });

  it("are given up when somebody says so, and what waits for them hears of it", async () => {
    await one("read");
    proxy.change({ kind: "dark", forgets: true });
    const waiting = codeRejectedBy(one("read"));
    await Bun.sleep(20);
    database.renew("read");
    expect(await waiting).toBe("database_unavailable");
    proxy.change({ kind: "fair" });
    expect(await one("read")).toBe(1);
  });
});
