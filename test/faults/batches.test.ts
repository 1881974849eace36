import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import type { BlobStore } from "../../src/domain/blob-store.ts";
import { createCounters } from "../../src/domain/counters.ts";
import { batched } from "../../src/storage/batched.ts";
import type { Database } from "../../src/storage/database.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { openPostgres } from "../../src/storage/postgres/open.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { verified } from "../../src/storage/verified.ts";
import { hashing, randomBlob } from "../support/blobs.ts";
import { startCuttingProxy, type CuttingProxy } from "../support/cutting-proxy.ts";
import { optionsOf } from "../support/databases.ts";
import { sharedPostgres, type TestDatabase } from "../support/postgres.ts";

let target: TestDatabase;
let proxy: CuttingProxy;
let database: Database;
let store: BlobStore;

beforeAll(async () => {
  target = await (await sharedPostgres()).createDatabase();
  proxy = startCuttingProxy(target);
  database = openPostgres(optionsOf(target, { host: "127.0.0.1", port: proxy.port }));
  await migrate(database);
  const kept = verified(createSqlBlobStore(database), { hashing, counters: createCounters() });
  store = batched(kept, { readLanes: 1, writeLanes: 1, callMsMax: 20_000 });
});
afterAll(async () => {
  await store.close();
  proxy.stop();
  await target.drop();
});

describe("a batch whose connection is lost", () => {
  it("before the statement arrives, is stored by the second attempt", async () => {
    const blobs = Array.from({ length: 5 }, () => randomBlob(300));
    const cutsBefore = proxy.cuts();
    proxy.arm("before the statement arrives", blobs[3]?.hash ?? new Uint8Array(0));
    const receipts = await Promise.all(blobs.map(async (blob) => (await store.putMany([blob]))[0]));
    expect(receipts).toEqual(blobs.map(() => ({ created: true })));
    expect(proxy.cuts() - cutsBefore).toBe(1);
    await expectKept(blobs);
  });

  it("after the commit, is there, and nobody is told otherwise", async () => {
    const blobs = Array.from({ length: 5 }, () => randomBlob(300));
    const cutsBefore = proxy.cuts();
    proxy.arm("before its answer arrives", blobs[3]?.hash ?? new Uint8Array(0));
    const receipts = await Promise.all(blobs.map(async (blob) => (await store.putMany([blob]))[0]));
    // Whether it was this registry that created them, nobody knows any more.
    expect(receipts.every((receipt) => "created" in (receipt ?? {}))).toBe(true);
    expect(proxy.cuts() - cutsBefore).toBe(1);
    await expectKept(blobs);
  });

  it("while it reads, is read by the second attempt", async () => {
    const blob = randomBlob(300);
    await store.putMany([blob]);
    const cutsBefore = proxy.cuts();
    proxy.arm("before its answer arrives", blob.hash.subarray(0, 16));
    await expectKept([blob]);
    expect(proxy.cuts() - cutsBefore).toBe(1);
  });
});

describe("a batch in which the database refuses one blob", () => {
  it("stores the others, and fails for that one alone", async () => {
    await database.query("write", "ALTER TABLE blobs ADD CONSTRAINT unlucky CHECK (size <> 13)");
    const blobs = [randomBlob(300), randomBlob(301), randomBlob(13), randomBlob(302)];
    const settled = await Promise.allSettled(
      blobs.map(async (blob) => await store.putMany([blob])),
    );
    expect(settled.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    await expectKept(blobs.filter(({ data }) => data.length !== 13));
  });
});

async function expectKept(blobs: readonly ReturnType<typeof randomBlob>[]): Promise<void> {
  for (const blob of blobs) {
    expect(await store.readMany([blob.hash])).toMatchObject([{ data: blob.data }]);
  }
}
