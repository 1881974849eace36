import { afterEach, beforeEach, describe, expect, it } from "bun:test";
import { createCounters } from "../../src/domain/counters.ts";
import { limits } from "../../src/domain/limits.ts";
import { createLog } from "../../src/ops/log.ts";
import { startSweeper } from "../../src/ops/sweeper.ts";
import { randomBlob } from "../support/blobs.ts";
import { age } from "../support/damage.ts";
import { twoKinds, type OwnDatabase } from "../support/databases.ts";
import type { LogLine } from "../support/registry.ts";
import { registerUpload } from "../../src/storage/uploads.ts";

// A registry would sweep, too.
describe.each(twoKinds.filter(({ isHere }) => isHere))("startSweeper ($name)", ({ open }) => {
  let own: OwnDatabase;
  let lines: LogLine[];
  beforeEach(async () => {
    own = await open();
    lines = [];
  });
  afterEach(async () => await own.remove());

  const log = createLog({
    level: "debug",
    format: "json",
    write: (line) => lines.push(JSON.parse(line) as LogLine),
  });

  async function addUpload(ageMs: number): Promise<string> {
    const upload = Bun.randomUUIDv7();
    await registerUpload(own.database, upload);
    await age(own.database, upload, ageMs);
    return upload;
  }

  async function countOf(table: "uploads" | "blob_segments"): Promise<number> {
    const [row] = await own.database.query("read", `SELECT count(*) AS total FROM ${table}`);
    return Number(row?.["total"]);
  }

  async function sweep(database = own.database): Promise<number> {
    const counters = createCounters();
    const sweeper = startSweeper({ database, counters, log });
    await sweeper.stop(); // once the sweep under way has ended
    return counters.uploadsSwept;
  }

  it("sweeps at once what nobody touched for an hour, counts it and says so", async () => {
    await addUpload(limits.uploadIdleMsMax + 10_000);
    await addUpload(10 * limits.uploadIdleMsMax);
    expect(await sweep()).toBe(2);
    expect(await countOf("uploads")).toBe(0);
    expect(lines).toMatchObject([{ level: "info", uploads: 2 }]);
  });

  it("leaves what is younger, and keeps silent", async () => {
    await addUpload(limits.uploadIdleMsMax - 10_000);
    expect(await sweep()).toBe(0);
    expect(await countOf("uploads")).toBe(1);
    expect(lines).toEqual([]);
  });

  it("leaves all while the database's clock is a day from ours, and warns", async () => {
    await addUpload(2 * limits.uploadIdleMsMax);
    const { dialect } = own.database;
    const dayAhead = {
      postgres: `${dialect.now} + interval '1 day'`,
      sqlite: `${dialect.now} + 86400000`,
    };
    const now = dayAhead[dialect.name];
    expect(await sweep({ ...own.database, dialect: { ...dialect, now } })).toBe(0);
    expect(await countOf("uploads")).toBe(1);
    expect(lines).toMatchObject([{ level: "warn", message: expect.stringContaining("clock") }]);
  });

  it("warns when the database is out, and goes on", async () => {
    await addUpload(2 * limits.uploadIdleMsMax);
    await own.database.query("write", "ALTER TABLE blob_segments RENAME TO elsewhere");
    expect(await sweep()).toBe(0);
    expect(lines).toMatchObject([{ level: "warn", error: { message: expect.any(String) } }]);
    await own.database.query("write", "ALTER TABLE elsewhere RENAME TO blob_segments");
    expect(await sweep()).toBe(1);
  });

  it("gives segments that nobody has to a later sweep, and says so", async () => {
    const upload = Bun.randomUUIDv7();
    const { hash, data } = randomBlob(10);
    const text = "INSERT INTO blob_segments (upload, n, hash, data) VALUES ($1, $2, $3, $4)";
    await own.database.query("write", text, [upload, 0, hash, data]);
    expect(await sweep()).toBe(0);
    expect(lines).toMatchObject([{ level: "warn", uploads: 1 }]);
    expect(await sweep()).toBe(0);
    expect(lines).toHaveLength(1);
    await age(own.database, upload, limits.uploadIdleMsMax + 1000);
    expect(await sweep()).toBe(1);
    expect(await countOf("blob_segments")).toBe(0);
  });

  it("says once that it cannot tell what nobody has", async () => {
    await own.database.query("write", "DROP INDEX blobs_upload");
    await addUpload(2 * limits.uploadIdleMsMax);
    expect(await sweep()).toBe(1);
    expect(lines.map(({ message }) => message)).toEqual([
      "abandoned uploads removed",
      expect.stringContaining("docs/integrity.md"),
    ]);
  });
});
