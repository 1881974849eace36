import { describe, expect, it } from "bun:test";
import { databaseTimeout } from "../../src/domain/deadline.ts";
import { RegistryError } from "../../src/domain/errors.ts";
import type { Dialect } from "../../src/storage/database.ts";
import { createPace } from "../../src/storage/pace.ts";
import { sqliteDialect } from "../../src/storage/sqlite/dialect.ts";

/** A pace that notes the rows of every attempt, and how long it waited. */
function watched(rowsAtFirst: number, rowsMax: number, isConflict: Dialect["isConflict"]) {
  const waits: number[] = [];
  const attempts: number[] = [];
  const sleep = async (ms: number): Promise<void> => {
    waits.push(ms);
  };
  const dialect = { ...sqliteDialect, isConflict };
  const clock = { ms: 0, perStep: 0 };
  const now = (): number => (clock.ms += clock.perStep);
  const pace = createPace({ rowsAtFirst, rowsMax, dialect, sleep, now });
  const step = async (...failures: Error[]): Promise<number> =>
    await pace.step(async (rows) => {
      attempts.push(rows);
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      return rows;
    });
  return { step, waits, attempts, clock };
}

const never = (): boolean => false;
const late = databaseTimeout(100);

describe("a pace", () => {
  it("does twice as much after each quick step, up to its bound", async () => {
    const { step, waits } = watched(16, 100, never);
    const rows: number[] = [];
    for (let n = 0; n < 5; n += 1) rows.push(await step());
    expect(rows).toEqual([16, 32, 64, 100, 100]);
    expect(waits).toEqual([]);
  });

  it("does not do more after a slow one", async () => {
    const { step, clock } = watched(16, 100, never);
    clock.perStep = 250;
    expect([await step(), await step()]).toEqual([16, 16]);
    clock.perStep = 249;
    expect([await step(), await step()]).toEqual([16, 32]);
  });

  it("tries again with less, never with nothing, and recovers", async () => {
    const { step, attempts, waits } = watched(64, 128, never);
    expect(await step(late, late, late)).toBe(1);
    expect(attempts).toEqual([64, 8, 1, 1]);
    expect(waits).toEqual([100, 200, 400]);
    expect(await step()).toBe(2);
  });

  it("gives up with the seventh failure in a row, not with the seventh of all", async () => {
    const { step } = watched(64, 64, never);
    for (let n = 0; n < 3; n += 1) await step(late, late, late);
    await expect(step(late, late, late, late, late, late)).resolves.toBe(1);
    const last = new RegistryError("database_unavailable", "gone");
    const failing = step(late, late, late, late, late, late, last);
    await expect(failing).rejects.toBe(last);
  });

  it("tries again what met another writer", async () => {
    const conflict = new Error("duplicate key");
    const { step } = watched(8, 8, (error) => error === conflict);
    expect(await step(conflict)).toBe(1);
  });

  it("fails at once with what no waiting helps", async () => {
    for (const failure of [new Error("a bug"), new RegistryError("storage_full", "full")]) {
      const { step, attempts } = watched(8, 8, never);
      await expect(step(failure)).rejects.toBe(failure);
      expect(attempts).toHaveLength(1);
    }
  });
});
