import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import type { Database } from "../../../src/storage/database.ts";
import { type OwnDatabase, twoKinds } from "../../support/databases.ts";
import { eventually } from "../../support/registry.ts";

describe.each([...twoKinds])("the words of $name", ({ open }) => {
  let own: OwnDatabase;
  let database: Database;
  beforeAll(async () => {
    own = await open();
    ({ database } = own);
  });
  afterAll(async () => await own.remove());

  it("tell times as milliseconds", async () => {
    const { now, epochMs } = database.dialect;
    const [row] = await database.query(
      "read",
      `SELECT ${epochMs("t")} AS at FROM (SELECT ${now} AS t) AS clock`,
    );
    expect(Math.abs(Number(row?.["at"]) - Date.now())).toBeLessThan(3_600_000);
    expect(typeof row?.["at"]).toBe("number");
  });

  it("tell whether there is a table", async () => {
    const { tableExists } = database.dialect;
    expect(await database.query("read", tableExists, ["blobs"])).toHaveLength(1);
    expect(await database.query("read", tableExists, ["nowhere"])).toHaveLength(0);
  });

  it("hold rows against whoever would change them, and tell who came first", async () => {
    const key = new Uint8Array(32);
    const insert = "INSERT INTO blobs (hash, data, size) VALUES ($1, $1, 32)";
    await database.query("write", insert, [key]);
    const order: string[] = [];
    let changing: Promise<unknown> = Promise.resolve();
    await database.transaction("write", async (query) => {
      const hold = `SELECT b.hash FROM blobs b ORDER BY hash${database.dialect.holdRows("b")}`;
      expect(await query(hold)).toHaveLength(1);
      const text = "UPDATE blobs SET size = 1 WHERE hash = $1";
      changing = database.query("write", text, [key]).then(() => order.push("others"));
      if (database.dialect.name === "postgres") await eventually(async () => await isAwaited());
      order.push("holder");
    });
    await changing;
    expect(order).toEqual(["holder", "others"]);
  });

  /** Whether a transaction waits for another. */
  async function isAwaited(): Promise<boolean> {
    const text = "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'";
    return (await database.query("read", text)).length > 0;
  }

  it("know a key that is taken from other failures", async () => {
    const { isConflict, name } = database.dialect;
    const failureOf = async (text: string): Promise<unknown> =>
      await database.query("write", text).then(
        () => null,
        (error: unknown) => error,
      );
    const literal = name === "postgres" ? "'\\x00'" : "x'00'";
    const insert = `INSERT INTO blobs (hash, data, size) VALUES (${literal}, ${literal}, 1)`;
    expect(await failureOf(insert)).toBeNull();
    // In SQLite nobody can come in between.
    expect(isConflict(await failureOf(insert))).toBe(name === "postgres");
    expect(isConflict(await failureOf("SELECT nothing FROM nowhere"))).toBe(false);
    expect(isConflict(new Error("23505"))).toBe(false);
  });
});

describe("in PostgreSQL", () => {
  it("a transaction that is for reading changes nothing", async () => {
    const own = await (twoKinds[1] as (typeof twoKinds)[number]).open();
    const { dialect, transaction } = own.database;
    const changing = transaction("read", async (query) => {
      await query(dialect.readOnly);
      await query("DELETE FROM blobs");
    });
    // As on a standby, which is read-only too.
    await expect(changing).rejects.toHaveProperty("code", "database_unavailable");
    await own.remove();
  });
});
