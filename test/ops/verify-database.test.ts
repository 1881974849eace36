import { afterEach, beforeEach, describe, expect, it } from "bun:test";
import { rmSync } from "node:fs";
import { StartError } from "../../src/domain/errors.ts";
import { createLog } from "../../src/ops/log.ts";
import { verifyDatabase, type Verification } from "../../src/ops/verify-database.ts";
import type { Database } from "../../src/storage/database.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { openPostgres } from "../../src/storage/postgres/open.ts";
import { openSqlite } from "../../src/storage/sqlite/open.ts";
import { randomBlob } from "../support/blobs.ts";
import { flipped, insertRow } from "../support/damage.ts";
import { optionsOf } from "../support/databases.ts";
import { makeLegacyDatabase } from "../support/legacy-database.ts";
import { sharedPostgres, type TestDatabase } from "../support/postgres.ts";
import { temporaryDirectory } from "../support/registry.ts";

const log = createLog({ level: "error", format: "json", write: () => {} });

let directory: string;
let target: TestDatabase;
beforeEach(async () => {
  directory = temporaryDirectory();
  target = await (await sharedPostgres()).createDatabase();
});
afterEach(async () => {
  await target.drop();
  rmSync(directory, { recursive: true });
});

const postgres = () => ({ kind: "postgres" as const, ...optionsOf(target), tlsCaFile: null });
const embedded = () => ({ kind: "sqlite" as const, directory, timeoutMs: 5000 });

async function verify(config: Parameters<typeof verifyDatabase>[0], more = {}) {
  const verification: Verification = {
    bytesPerSecond: 1 << 30,
    from: null,
    isQuarantining: false,
    signal: new AbortController().signal,
    onBad: () => {},
    onProgress: () => {},
    ...more,
  };
  return await verifyDatabase(config, log, verification);
}

async function complaintOf(verifying: Promise<unknown>): Promise<string> {
  const error = await verifying.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StartError);
  return (error as StartError).message;
}

describe("verifyDatabase", () => {
  it("works beside whoever uses the store, also where something is to be moved", async () => {
    const database = await openSqlite({ directory });
    await migrate(database);
    const blob = randomBlob(30);
    await insertRow(database, blob.hash, { data: flipped(blob.data) });
    expect(await verify(embedded())).toMatchObject({ rows: 1, bad: 1, quarantined: 0 });
    expect(await verify(embedded(), { isQuarantining: true })).toMatchObject({ quarantined: 1 });
    expect(await verify(embedded())).toMatchObject({ rows: 0, bad: 0 });
    await database.close();
  });

  it("changes nothing of a database that is not up to date, and says what to do", async () => {
    const database = openPostgres(optionsOf(target));
    await makeLegacyDatabase(database, "both");
    const remedy = "run registry migrate first, or start the server";
    expect(await complaintOf(verify(postgres()))).toEndWith(remedy);
    await migrate(database);
    expect(await verify(postgres())).toMatchObject({ rows: 5, bad: 0 });
    await database.close();
    expect(await complaintOf(verify({ ...embedded(), directory: `${directory}/none` }))).toBe(
      `there is no store in ${directory}/none; correct --embedded`,
    );
  });

  it("needs no right but to read", async () => {
    const database = openPostgres(optionsOf(target));
    await migrate(database);
    await database.close();
    const server = await sharedPostgres();
    await server.query(`ALTER ROLE ${target.user} SET default_transaction_read_only = on`);
    expect(await verify(postgres())).toMatchObject({ rows: 0, bad: 0 });
  });

  it("needs no more rights than docs/integrity.md gives to move what is bad", async () => {
    const database = openPostgres(optionsOf(target));
    await migrate(database);
    const blob = randomBlob(30);
    await insertRow(database, blob.hash, { data: flipped(blob.data) });
    const guest = `${target.user}_guest`;
    const server = await sharedPostgres();
    await server.query(`CREATE USER ${guest} WITH PASSWORD 'secret'`);
    const guide = await Bun.file(`${import.meta.dir}/../../docs/integrity.md`).text();
    const grants = /```sql\n(GRANT .*?)```/s.exec(guide)?.[1] ?? "";
    await database.query("write", grants.replaceAll("mycelium_verifying", guest));
    const config = { ...postgres(), user: guest, password: "secret" };
    expect(await verify(config, { isQuarantining: true })).toMatchObject({ quarantined: 1 });
    await database.close();
    await server.query(`DROP OWNED BY ${guest}`, target.name);
    await server.query(`DROP ROLE ${guest}`);
  });

  it("says where to go on when the database goes away for good", async () => {
    const database: Database = openPostgres(optionsOf(target));
    await migrate(database);
    for (let n = 0; n < 5; n += 1) {
      const { hash, data } = randomBlob(30);
      await insertRow(database, hash, { data: flipped(data) });
    }
    await database.close();
    const server = await sharedPostgres();
    let told = 0;
    const verifying = verify(postgres(), {
      bytesPerSecond: 1024, // a statement each row
      onProgress() {
        told += 1;
        if (told !== 2) return;
        const rename = "ALTER TABLE blobs RENAME TO elsewhere";
        void server.query(rename, target.name);
      },
    });
    expect(await complaintOf(verifying)).toMatch(/: go on with --from [0-9a-f]{64}$/);
  });
});
