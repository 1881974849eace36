import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import type { Database } from "../../../src/storage/database.ts";
import { type OwnDatabase, twoKinds } from "../../support/databases.ts";

describe.each([...twoKinds])("the words of $name", ({ open }) => {
  let own: OwnDatabase;
  let database: Database;
  beforeAll(async () => {
    own = await open();
    ({ database } = own);
  });
  afterAll(async () => await own.remove());

  it("tell times as milliseconds, by one clock", async () => {
    const { now, epochMs, ageMs } = database.dialect;
    const [row] = await database.query(
      "read",
      `SELECT ${epochMs("t")} AS at, ${ageMs("t")} AS age FROM (SELECT ${now} AS t) AS clock`,
    );
    expect(Math.abs(Number(row?.["at"]) - Date.now())).toBeLessThan(3_600_000);
    expect(typeof row?.["at"]).toBe("number");
    expect(Number(row?.["age"])).toBeLessThan(60_000);
  });

  it("tell whether there is a table", async () => {
    const { tableExists } = database.dialect;
    expect(await database.query("read", tableExists, ["blobs"])).toHaveLength(1);
    expect(await database.query("read", tableExists, ["nowhere"])).toHaveLength(0);
  });
});
