import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import type { BlobStore } from "../../src/domain/blob-store.ts";
import { bytesEqual, toHex } from "../../src/domain/bytes.ts";
import { createCounters } from "../../src/domain/counters.ts";
import { RegistryError } from "../../src/domain/errors.ts";
import { limits } from "../../src/domain/limits.ts";
import type { Database } from "../../src/storage/database.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { verified } from "../../src/storage/verified.ts";
import { bytesOf, hashing, randomBlob, randomLargeBlob, uploadLarge } from "../support/blobs.ts";
import { flipped, overwriteRow, uploadOf } from "../support/damage.ts";
import { openOwnPostgres, twoKinds, type OwnDatabase } from "../support/databases.ts";
import { type PostgresServer, sharedPostgres } from "../support/postgres.ts";
import { runVerify } from "../support/verification.ts";

/** Does something right before the first statement that begins so. */
function before(database: Database, beginning: string, act: () => Promise<void>): Database {
  let isDone = false;
  return {
    ...database,
    async query(lane, text, params) {
      if (text.startsWith(beginning) && !isDone) {
        isDone = true;
        await act();
      }
      return await database.query(lane, text, params);
    },
  };
}

const readsRow = "SELECT b.hash, CAST(b.size";
const readsSegments = "SELECT n, data FROM blob_segments";

describe.each([...twoKinds])("the verdict in $name", ({ open }) => {
  let own: OwnDatabase;
  let database: Database;
  let store: BlobStore;
  beforeAll(async () => {
    own = await open();
    ({ database } = own);
    store = verified(createSqlBlobStore(database), { hashing, counters: createCounters() });
  });
  afterAll(async () => await own.remove());

  it("says nothing of a row that is healed, or goes, before it is looked at again", async () => {
    const [healed, gone] = [randomBlob(50), randomBlob(50)];
    await store.putMany([healed, gone]);
    for (const { hash, data } of [healed, gone]) {
      await overwriteRow(database, hash, flipped(data));
    }
    const changing = before(database, readsRow, async () => {
      await store.putMany([healed]);
      await database.query("write", "DELETE FROM blobs WHERE hash = $1", [gone.hash]);
    });
    expect((await runVerify(changing)).told).toEqual([]);
  });

  it("follows a large blob that is repaired while it is read", async () => {
    const blob = randomLargeBlob(9 * limits.segmentBytes);
    await uploadLarge(store, blob);
    const upload = await uploadOf(database, blob.hash);
    const bad = flipped(blob.data.slice(0, limits.segmentBytes));
    const damage = "UPDATE blob_segments SET data = $2 WHERE upload = $1 AND n = 8";
    await database.query("write", damage, [upload, bad]);
    let changed = before(database, readsSegments, async () => {
      await uploadLarge(store, blob);
      await database.query("write", "DELETE FROM blob_segments WHERE upload = $1", [upload]);
    });
    expect((await runVerify(changed)).told).toEqual([]);
    changed = before(database, readsSegments, async () => {
      await database.query("write", "DELETE FROM blobs WHERE hash = $1", [blob.hash]);
    });
    expect((await runVerify(changed)).told).toEqual([]);
  });

  it("does not move what is healed in the moment before the transaction", async () => {
    const blob = randomBlob(50);
    await store.putMany([blob]);
    await overwriteRow(database, blob.hash, flipped(blob.data));
    let isDone = false;
    const healing: Database = {
      ...database,
      async transaction(lane, work) {
        if (!isDone) {
          isDone = true;
          await store.putMany([blob]);
        }
        return await database.transaction(lane, work);
      },
    };
    const { report } = await runVerify(healing, { isQuarantining: true });
    expect(report).toMatchObject({ bad: 0, quarantined: 0 });
    expect(await store.readMany([blob.hash])).toMatchObject([{ hash: blob.hash }]);
  });

  it("knows what it has moved when the answer to the commit is lost", async () => {
    const blob = randomBlob(50);
    await store.putMany([blob]);
    await overwriteRow(database, blob.hash, flipped(blob.data));
    let isLost = false;
    const losing: Database = {
      ...database,
      async transaction(lane, work) {
        const result = await database.transaction(lane, work);
        if (isLost) return result;
        isLost = true;
        throw new RegistryError("database_unavailable", "lost");
      },
    };
    const { report, bad } = await runVerify(losing, { isQuarantining: true });
    expect(report).toMatchObject({ bad: 1, quarantined: 1 });
    expect(bad).toMatchObject([{ outcome: "quarantined" }]);
  });
});

const server = await sharedPostgres();
const hasSurgery =
  (await server.query("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_surgery'")).length >
  0;

describe.skipIf(!hasSurgery)("where PostgreSQL cannot read what is on its disk", () => {
  let own: Awaited<ReturnType<typeof openOwnPostgres>>;
  let database: Database;
  let store: BlobStore;
  beforeAll(async () => {
    own = await openOwnPostgres(server);
    ({ database } = own);
    store = verified(createSqlBlobStore(database), { hashing, counters: createCounters() });
    await server.query("CREATE EXTENSION pg_surgery", own.target.name);
  });
  afterAll(async () => await own.remove());

  /** Loses the first page of the place where the long values of a table are. */
  async function loseLongValues(table: string) {
    await loseFirst(server, own.target.name, table);
  }

  it("a row is told, moved without its bytes, and stored anew", async () => {
    const [bad, ...others] = Array.from({ length: 10 }, () => randomBlob(5000));
    if (bad === undefined) return;
    await store.putMany([bad]);
    await loseLongValues("blobs");
    await store.putMany(others);
    const unreadable = `${toHex(bad.hash)}: its row cannot be read (unexpected chunk number`;
    const { told, report } = await runVerify(database);
    expect(report).toMatchObject({ rows: 10, bad: 1, quarantined: 0 });
    expect(told[0]).toStartWith(unreadable);
    const second = await runVerify(database, { isQuarantining: true });
    expect(second.report).toMatchObject({ rows: 10, bad: 1, quarantined: 1 });
    expect(await store.readMany([bad.hash])).toEqual([null]);
    expect(await store.putMany([bad])).toEqual([{ created: true }]);
    expect((await runVerify(database)).report).toMatchObject({ rows: 10, bad: 0 });
  });

  it("a segment is told, and its blob moved and stored anew", async () => {
    const blob = randomLargeBlob();
    await uploadLarge(store, blob);
    await loseLongValues("blob_segments");
    const { told } = await runVerify(database);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/^[0-9a-f]{64}: segment 0 cannot be read \(unexpected chunk number/);
    const { report } = await runVerify(database, { isQuarantining: true });
    expect(report).toMatchObject({ bad: 1, quarantined: 1 });
    expect(await uploadLarge(store, blob)).toBe(true);
    expect(bytesEqual(await bytesOf(await store.openRead(blob.hash)), blob.data)).toBe(true);
  });
});

async function loseFirst(postgres: PostgresServer, name: string, table: string): Promise<void> {
  const [row] = await postgres.query(
    `SELECT reltoastrelid::regclass::text AS toast FROM pg_class WHERE oid = '${table}'::regclass`,
    name,
  );
  const toast = String(row?.["toast"]);
  // In two statements: the second must be the only one that looks at the page.
  const places = await postgres.query(
    `SELECT ctid::text AS place FROM ${toast} WHERE chunk_seq < 2 ` +
      `AND chunk_id = (SELECT min(chunk_id) FROM ${toast})`,
    name,
  );
  const tids = places.map(({ place }) => `'${String(place)}'::tid`).join(", ");
  await postgres.query(`SELECT heap_force_kill('${toast}', ARRAY[${tids}])`, name);
}
