import { afterEach, beforeEach, expect, it, jest } from "bun:test";
import { RegistryError } from "../../../src/domain/errors.ts";
import { createLog } from "../../../src/ops/log.ts";
import { watchSize } from "../../../src/ops/metrics/size-watch.ts";
import type { Database } from "../../../src/storage/database.ts";
import { measured } from "../../../src/storage/measured-database.ts";

const sized = { bytes: 5, blobs: null, bytesStoredBefore: 0 };

const log = createLog({ level: "error", format: "json", write: () => {} });

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** A database of 5 bytes that counts questions, and fails while `isOut`. */
function createDatabase() {
  const state = { isOut: false, questions: 0 };
  const inner = {
    dialect: { name: "sqlite" },
    query: async () => {
      state.questions += 1;
      if (state.isOut) throw new RegistryError("database_unavailable", "");
      return [{ bytes: 5, blobs: null }];
    },
  } as unknown as Database;
  return { state, database: measured(inner) };
}

/** Lets time pass, and then what was begun meanwhile end. */
async function pass(ms: number): Promise<void> {
  jest.advanceTimersByTime(ms);
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

it("asks soon, and then every 30 s", async () => {
  const { state, database } = createDatabase();
  const watch = watchSize({ database, log });
  watch.begin();
  expect([watch.latest(), state.questions]).toEqual([null, 0]);
  await pass(1000);
  expect([watch.latest(), state.questions]).toEqual([sized, 1]);
  await pass(28_000);
  expect(state.questions).toBe(1);
  await pass(30_000);
  expect(state.questions).toBe(2);
  await watch.stop();
  await pass(120_000);
  expect(state.questions).toBe(2);
});

it("asks nothing of a database that is out, and goes on once it is there", async () => {
  const { state, database } = createDatabase();
  const watch = watchSize({ database, log });
  watch.begin();
  state.isOut = true;
  await database.query("read", "SELECT 1").catch(() => {});
  await pass(91_000);
  expect([watch.latest(), state.questions]).toEqual([null, 1]);
  state.isOut = false;
  await database.query("read", "SELECT 1"); // a request finds it
  await pass(30_000);
  expect([watch.latest(), state.questions]).toEqual([sized, 3]);
  await watch.stop();
});
