import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import fc from "fast-check";
import type { BlobStore, NewBlob } from "../../src/domain/blob-store.ts";
import { bytesEqual } from "../../src/domain/bytes.ts";
import { createCounters } from "../../src/domain/counters.ts";
import type { Database } from "../../src/storage/database.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { openPostgres } from "../../src/storage/postgres/open.ts";
import { rekey, type RekeyCounts } from "../../src/storage/rekey.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { verified } from "../../src/storage/verified.ts";
import { bytesOf, hashing, randomBlob, shortKey } from "../support/blobs.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { insertRow, rowsOf } from "../support/damage.ts";
import {
  databaseKinds,
  openOwnPostgres,
  optionsOf,
  type OwnDatabase,
} from "../support/databases.ts";
import { legacyStatements } from "../support/legacy-database.ts";
import { type PostgresServer, sharedPostgres } from "../support/postgres.ts";
import { eventually } from "../support/registry.ts";

async function run(database: Database): Promise<RekeyCounts> {
  return await rekey(database, { hashing, onBad: () => {}, onProgress: () => {} });
}

/** What the Rust registry does with an upload, of before and after it shortened its keys. */
async function storeAsRust(database: Database, { hash, data }: NewBlob, isShort: boolean) {
  const key = isShort ? shortKey(hash) : hash;
  await database.query("write", legacyStatements.store, [key, data, data.length]);
}

async function expectOneWholeRow(database: Database, { hash, data }: NewBlob) {
  const rows = await rowsOf(database, hash);
  expect(rows.map((row) => row["hash"])).toEqual([Buffer.from(hash)]);
  expect(bytesEqual(rows[0]?.["data"] as Uint8Array, data)).toBe(true);
}

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

  async function expectReadable({ hash, data }: NewBlob) {
    const keys = [hash, shortKey(hash)];
    for (const read of await store.readMany(keys)) {
      expect(read).toMatchObject({ hash, bytesTotal: data.length });
      expect(bytesEqual((read as NewBlob).data, data)).toBe(true);
    }
    for (const stat of await store.statMany(keys)) expect(stat).toMatchObject({ hash });
    for (const key of keys) {
      expect(bytesEqual(await bytesOf(await store.openRead(key)), data)).toBe(true);
    }
  }

  const placements = ["nowhere", "short", "whole", "both"] as const;
  const actions = ["upload", "old Rust upload", "new Rust upload", "read", "rekey"] as const;
  const plan = fc.record({
    places: fc.array(fc.constantFrom(...placements), { minLength: 4, maxLength: 12 }),
    steps: fc.array(fc.tuple(fc.constantFrom(...actions), fc.nat(11)), {
      minLength: 20,
      maxLength: 60,
    }),
  });

  it("no reader ever misses a blob, whoever reads, uploads and rekeys at once", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async ({ places, steps }) => {
        const blobs = places.map((_, n) => randomBlob(20 + 300 * n));
        const there = new Set<NewBlob>();
        for (const [n, place] of places.entries()) {
          const blob = blobs[n] ?? randomBlob(1);
          if (place === "short" || place === "both") await storeAsRust(database, blob, true);
          if (place === "whole" || place === "both") await storeAsRust(database, blob, false);
          if (place !== "nowhere") there.add(blob);
        }
        const act = async ([action, n]: (typeof steps)[number]) => {
          const blob = blobs[n % blobs.length] ?? randomBlob(1);
          if (action === "rekey") await run(database);
          else if (action === "read") await (there.has(blob) && expectReadable(blob));
          else {
            if (action === "upload") await store.putMany([blob]);
            else await storeAsRust(database, blob, action === "new Rust upload");
            there.add(blob);
            await expectReadable(blob);
          }
        };
        // Four at once, each its own steps one after the other.
        await Promise.all(
          [0, 1, 2, 3].map(async (actor) => {
            for (const [n, step] of steps.entries()) if (n % 4 === actor) await act(step);
          }),
        );
        for (const blob of there) await expectReadable(blob);
        expect((await run(database)).bad).toBe(0);
        for (const blob of there) await expectOneWholeRow(database, blob);
      }),
      { numRuns: 15 },
    );
  });
});

describe("in PostgreSQL", () => {
  let server: PostgresServer;
  let own: Awaited<ReturnType<typeof openOwnPostgres>>;
  let database: Database;
  beforeAll(async () => {
    server = await sharedPostgres();
    own = await openOwnPostgres(server);
    ({ database } = own);
  });
  afterAll(async () => await own.remove());

  /** Resolves once a transaction waits for another. */
  async function somebodyWaits() {
    await eventually(async () => {
      const text = "SELECT count(*)::int AS total FROM pg_locks WHERE NOT granted";
      const [row] = await server.query(text, own.target.name);
      return Number(row?.["total"]) > 0;
    });
  }

  it("a row that comes up under the whole hash meanwhile is merged, not in the way", async () => {
    const blobs = Array.from({ length: 20 }, () => randomBlob(50));
    for (const { hash, data } of blobs) await insertRow(database, shortKey(hash), { data });
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const { promise: inserted, resolve: tell } = Promise.withResolvers<void>();
    const other = database.transaction("stream", async (query) => {
      const { hash, data } = blobs[7] ?? randomBlob(1);
      await query(legacyStatements.store, [hash, data, data.length]);
      tell();
      await released;
    });
    await inserted;
    const rekeying = run(database);
    await somebodyWaits();
    release();
    await other;
    expect(await rekeying).toEqual({ rekeyed: 19, merged: 1, repaired: 0, bad: 0 });
    for (const blob of blobs) await expectOneWholeRow(database, blob);
  });

  it("a Rust registry that waits for a move stores its blob anew, and it is merged", async () => {
    const blob = randomBlob(50);
    await storeAsRust(database, blob, true);
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const { promise: moved, resolve: tell } = Promise.withResolvers<void>();
    const slow: Database = {
      ...database,
      transaction: async (lane, work) =>
        await database.transaction(lane, async (query) => {
          const result = await work(query);
          tell();
          await released;
          return result;
        }),
    };
    const rekeying = run(slow);
    await moved;
    const storing = storeAsRust(database, blob, true);
    await somebodyWaits();
    release();
    await Promise.all([rekeying, storing]);
    expect(await rowsOf(database, blob.hash)).toHaveLength(2);
    expect(await run(database)).toEqual({ rekeyed: 0, merged: 1, repaired: 0, bad: 0 });
    await expectOneWholeRow(database, blob);
  });

  it.each(["before the statement arrives", "before its answer arrives"] as const)(
    "a connection lost %s costs an attempt, and no row",
    async (moment) => {
      const target = await server.createDatabase();
      const proxy = startCuttingProxy(target);
      const fragile = openPostgres(optionsOf(target, { host: "127.0.0.1", port: proxy.port }));
      await migrate(fragile);
      const blobs = Array.from({ length: 40 }, () => randomBlob(50));
      for (const { hash, data } of blobs) await insertRow(fragile, shortKey(hash), { data });
      const cutsBefore = proxy.cuts();
      // Its last 16 bytes are in the statement that moves it alone.
      proxy.arm(moment, (blobs[20]?.hash ?? new Uint8Array(0)).subarray(16));
      const { rekeyed, bad } = await run(fragile);
      expect(proxy.cuts() - cutsBefore).toBe(1);
      expect({ rekeyed, bad }).toEqual({ rekeyed: 40, bad: 0 });
      for (const blob of blobs) await expectOneWholeRow(fragile, blob);
      await fragile.close();
      proxy.stop();
      await target.drop();
    },
  );
});
