import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { limits } from "../../../src/domain/limits.ts";
import { lanes, type Database, type Lane } from "../../../src/storage/database.ts";
import { openPostgres } from "../../../src/storage/postgres/open.ts";
import { poolShares } from "../../../src/storage/postgres/pools.ts";
import { startFaultProxy, type FaultProxy } from "../../drive/support/fault-proxy.ts";
import { createRandom } from "../../support/random.ts";
import { openOwnPostgres, optionsOf } from "../../support/databases.ts";
import { codeRejectedBy } from "../../support/error-code.ts";
import { sharedPostgres, type TestDatabase } from "../../support/postgres.ts";
import { eventually } from "../../support/registry.ts";

const connectionsMax = 8;

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

  async function one(lane: Lane): Promise<unknown> {
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

  it("are given up in idle lanes, too, once a busy one is answered again", async () => {
    const all = async (): Promise<unknown> => await Promise.all(lanes.map(one));
    for (const lane of lanes) database.renew(lane); // what went dark above
    await all();
    proxy.change({ kind: "dark", forgets: true });
    expect(await codeRejectedBy(one("read"))).toBe("database_timeout");
    proxy.change({ kind: "fair" });
    await one("read");
    await all();
  });

  it("leave nothing behind, neither here nor there", async () => {
    database.renew("write"); // which went dark with the others, above
    for (let round = 0; round < 2; round += 1) {
      await Promise.all([one("read"), one("read"), one("write")]);
      proxy.change({ kind: "dark", forgets: true });
      await Promise.all([codeRejectedBy(one("read")), codeRejectedBy(one("write"))]);
      proxy.change({ kind: "fair" });
      await Promise.all([one("read"), one("write")]);
    }
    // Once what was under way on them has had its time.
    await eventually(async () => proxy.connections() <= connectionsMax);
    const count = `SELECT 1 FROM pg_stat_activity WHERE datname = '${target.name}'`;
    const server = await sharedPostgres();
    await eventually(async () => (await server.query(count)).length <= connectionsMax);
    expect(await one("read")).toBe(1);
  }, 30_000);
});

describe("connections to a server that may only be read", () => {
  let target: TestDatabase;
  let database: Database;
  let remove: () => Promise<void>;

  beforeAll(async () => {
    ({ target, database, remove } = await openOwnPostgres(await sharedPostgres()));
  });
  afterAll(async () => await remove());

  async function setReadOnly(isReadOnly: boolean): Promise<void> {
    const server = await sharedPostgres();
    const setting = "default_transaction_read_only";
    const action = isReadOnly ? `SET ${setting} = on` : `RESET ${setting}`;
    // Of sessions that begin later: those that are there stay as they are.
    await server.query(`ALTER ROLE ${target.user} ${action}`);
  }

  const readLanes = ["read", "stream", "health"] as const;
  async function modes(): Promise<Set<unknown>> {
    const text = "SELECT current_setting('transaction_read_only') AS mode";
    const rows = await Promise.all(readLanes.map((lane) => database.query(lane, text)));
    return new Set(rows.map(([row]) => row?.["mode"]));
  }
  async function change(): Promise<void> {
    await database.query("write", "DELETE FROM uploads");
  }

  it("are given up for new ones, and those that are only read on with them", async () => {
    await setReadOnly(true);
    for (const lane of lanes) database.renew(lane);
    await modes(); // the first to be answered renews the others
    expect(await modes()).toEqual(new Set(["on"]));
    expect(await codeRejectedBy(change())).toBe("database_unavailable");
    await setReadOnly(false);
    await Bun.sleep(limits.standbyRenewMs + 50);
    expect(await modes()).toEqual(new Set(["on"]));
    expect(await codeRejectedBy(change())).toBe("database_unavailable");
    await change();
    expect(await modes()).toEqual(new Set(["off"]));
  });
});
