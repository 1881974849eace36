import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import type { Bytes } from "../../src/domain/bytes.ts";
import type { Database, Param, Query } from "../../src/storage/database.ts";
import { holdRows, moveRows, readWindow } from "../../src/storage/rekey-rows.ts";
import { randomBlob, shortKey } from "../support/blobs.ts";
import { insertRow } from "../support/damage.ts";
import { openOwnPostgres, type OwnDatabase, serverOf, twoKinds } from "../support/databases.ts";
import { hasPostgres, type PostgresVersion } from "../support/postgres-binaries.ts";

/** Runs every statement of rekeying once, in a transaction that changes nothing, and notes them. */
async function statementsOf(database: Database, rowCount: number) {
  const seen: { readonly text: string; readonly params: readonly Param[] }[] = [];
  const note =
    (query: Query): Query =>
    async (text, params = []) => {
      seen.push({ text, params });
      return await query(text, params);
    };
  const after: Bytes = new Uint8Array([0x70]);
  await readWindow(
    {
      ...database,
      query: (lane, ...rest) => note((...all) => database.query(lane, ...all))(...rest),
    },
    after,
    1024,
  );
  const moves = Array.from({ length: rowCount }, () => {
    const { hash } = randomBlob(9);
    return { key: shortKey(hash), hash };
  });
  const undo = new Error("undo");
  const running = database.transaction("write", async (query) => {
    for (const { key } of moves) {
      await query("INSERT INTO blobs (hash, data, size) VALUES ($1, $2, 9)", [key, key]);
    }
    // Of one, a row under its whole hash is there too.
    const twin = moves[0]?.hash ?? after;
    await query("INSERT INTO blobs (hash, data, size) VALUES ($1, $2, 9)", [twin, twin]);
    await holdRows(
      note(query),
      database.dialect,
      moves.map(({ key }) => key),
    );
    await moveRows(note(query), database.dialect, moves);
    throw undo;
  });
  await running.catch((error: unknown) => {
    if (error !== undo) throw error;
  });
  return seen;
}

const versions: readonly PostgresVersion[] = ["debian-or-newest", "12", "newest"];
describe.each(versions.filter(hasPostgres))("PostgreSQL %s with 200,000 rows", (version) => {
  let own: Awaited<ReturnType<typeof openOwnPostgres>>;
  beforeAll(async () => {
    const server = await serverOf(version);
    own = await openOwnPostgres(server);
    const fill =
      "INSERT INTO blobs (hash, data, size) SELECT CASE WHEN i % 2 = 0 THEN decode(md5(i::text), " +
      "'hex') ELSE decode(md5(i::text) || md5((-i)::text), 'hex') END, " +
      "decode(repeat('ab', 600), 'hex'), 600 FROM generate_series(1, 200000) i";
    await server.query(fill, own.target.name);
    await server.query("VACUUM ANALYZE blobs", own.target.name);
  });
  afterAll(async () => await own.remove());

  it.each([1, 2, 16, 128])("rekeys %d rows by the index", async (rowCount) => {
    const { database } = own;
    const seen = await statementsOf(database, rowCount);
    expect(seen.length).toBeGreaterThanOrEqual(5);
    for (const { text, params } of seen) {
      const rows = await database.query("read", `EXPLAIN ${text}`, params);
      const plan = rows.map((row) => String(row["QUERY PLAN"])).join("\n");
      expect(plan).toMatch(/blobs_pkey/);
      expect(plan).not.toContain("Seq Scan on blobs");
    }
  });
});

describe.each([...twoKinds])("in $name", ({ open }) => {
  let own: OwnDatabase;
  beforeAll(async () => {
    own = await open();
  });
  afterAll(async () => await own.remove());

  it("finds 16-byte keys among the next rows, and where these end", async () => {
    const keys = [[0x10], [0x11], [0x12], [0x13], [0x14]].map(([first = 0], n) =>
      new Uint8Array(n % 2 === 0 ? 16 : 32).fill(first),
    );
    for (const key of keys) await insertRow(own.database, key as never, { data: key });
    const found = async (after: Bytes | null, rowsMax: number) =>
      (await readWindow(own.database, after, rowsMax)).map((row) => [
        Buffer.from(row["hash"] as Uint8Array).toString("hex", 0, 1),
        Number(row["bytes"]),
      ]);
    expect(await found(null, 2)).toEqual([
      ["10", 16],
      ["11", 32],
    ]);
    expect(await found(keys[1] ?? null, 3)).toEqual([
      ["12", 16],
      ["14", 16],
    ]);
    expect(await found(keys[1] ?? null, 2)).toEqual([
      ["12", 16],
      ["13", 32],
    ]);
    expect(await found(keys[4] ?? null, 2)).toEqual([]);
  });

  it("has one statement text for several numbers of rows", async () => {
    const texts = new Set<string>();
    for (const rowCount of [5, 6, 7, 8]) {
      for (const { text } of await statementsOf(own.database, rowCount)) texts.add(text);
    }
    // Six, and a second one to move rows: of 5, one has a twin, and the rest are 4.
    expect(texts.size).toBe(7);
  });

  it("reads the table's index only, in SQLite", async () => {
    if (own.database.dialect.name !== "sqlite") return;
    for (const { text, params } of await statementsOf(own.database, 16)) {
      const plan = await own.database.query("read", `EXPLAIN QUERY PLAN ${text}`, params);
      const lines = plan.map((row) => String(row["detail"]));
      expect(lines.filter((line) => /SCAN (?:blobs|[ab])\b(?!.*COVERING)/.test(line))).toEqual([]);
    }
  });
});
