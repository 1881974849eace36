import { afterEach, describe, expect, it } from "bun:test";
import { databaseTimeout } from "../../src/domain/deadline.ts";
import { RegistryError } from "../../src/domain/errors.ts";
import { limits } from "../../src/domain/limits.ts";
import type { Log } from "../../src/domain/log.ts";
import { lanes, type Database, type Lane, type Rows } from "../../src/storage/database.ts";
import { guarded, type GuardedDatabase } from "../../src/storage/guarded.ts";
import { postgresDialect } from "../../src/storage/postgres/dialect.ts";
import { currentSpan } from "../../src/tracing/current.ts";
import { codeRejectedBy } from "../support/error-code.ts";
import { recordSpans } from "../support/recorded-spans.ts";

const rows = Object.assign([], { count: 0 }) as Rows;
const gone = (): RegistryError => new RegistryError("database_unavailable", "gone");
const slow = (): RegistryError => databaseTimeout(5000, new Error("57014"));

let opened: GuardedDatabase[] = [];

afterEach(async () => {
  await Promise.all(opened.map((database) => database.close()));
  opened = [];
});

/** A database that does what it is told, under the guard. */
function guardedDatabase() {
  const asked: string[] = [];
  const renewed: Lane[] = [];
  const told: string[] = [];
  const state: { answer: () => Promise<Rows> } = { answer: async () => rows };
  const inner: Database = {
    dialect: postgresDialect,
    connections: { read: 2, write: 2, stream: 1, health: 1 },
    query: async (lane, text) => {
      asked.push(`${lane} ${text}`);
      return await state.answer();
    },
    transaction: async (lane, work) => {
      asked.push(`${lane} begin`);
      await state.answer();
      return await work(async () => rows);
    },
    renew: (lane) => void renewed.push(lane),
    close: async () => {},
  };
  const tell = (message: string): void => void told.push(message);
  const log: Log = { debug: tell, info: tell, warn: tell, error: tell };
  const database = guarded(inner, log);
  opened.push(database);
  return { database, asked, renewed, told, state };
}

function lanesOut(database: GuardedDatabase): Lane[] {
  return lanes.filter((lane) => database.isOut(lane));
}

async function failures(database: Database, lane: Lane, count: number): Promise<string[]> {
  const codes: string[] = [];
  for (let each = 0; each < count; each += 1) {
    codes.push(await codeRejectedBy(database.query(lane, "SELECT 2")));
  }
  return codes;
}

describe("a guarded database", () => {
  it("passes on what is asked and what is answered", async () => {
    const { database, asked } = guardedDatabase();
    expect(await database.query("read", "SELECT 2")).toBe(rows);
    expect(await database.transaction("write", async (query) => await query("INSERT"))).toBe(rows);
    expect(asked).toEqual(["read SELECT 2", "write begin"]);
  });

  it("asks whether it is back in nobody's trace", async () => {
    const { database, state } = guardedDatabase();
    state.answer = () => Promise.reject(gone());
    const spans = recordSpans();
    const seen: (string | undefined)[] = [];
    await spans.record("request", async ({ traceId }) => {
      await failures(database, "read", limits.breakerFailuresMax);
      state.answer = async () => {
        seen.push(currentSpan()?.traceId);
        return rows;
      };
      await database.query("read", "SELECT 2");
      expect(seen).toEqual([undefined, traceId]);
    });
    spans.stop();
  });

  it("is out in a lane that found none three times in a row, and in no other", async () => {
    const { database, state, renewed, told } = guardedDatabase();
    state.answer = () => Promise.reject(gone());
    await failures(database, "read", limits.breakerFailuresMax - 1);
    expect(lanesOut(database)).toEqual([]);
    await failures(database, "read", 1);
    expect(lanesOut(database)).toEqual(["read"]);
    expect(renewed).toEqual([]);
    expect(told).toHaveLength(1);
    state.answer = async () => rows;
    expect(await database.query("write", "INSERT")).toBe(rows);
  });

  it.each([
    ["an answer", async () => rows],
    ["a deadline of the server's own", () => Promise.reject(slow())],
    ["a refusal", () => Promise.reject(new RegistryError("storage_full", "full"))],
    ["an error of the data", () => Promise.reject(new Error("22001"))],
  ] as const)("begins to count anew after %s", async (_what, answer) => {
    const { database, state } = guardedDatabase();
    for (let round = 0; round < 3; round += 1) {
      state.answer = () => Promise.reject(gone());
      await failures(database, "read", limits.breakerFailuresMax - 1);
      state.answer = answer;
      await database.query("read", "SELECT 2").catch(() => {});
    }
    expect(lanesOut(database).length).toBe(0);
  });

  it("counts a deadline that only we kept", async () => {
    const { database, state } = guardedDatabase();
    state.answer = () => Promise.reject(databaseTimeout(5000));
    await failures(database, "stream", limits.breakerFailuresMax);
    expect(lanesOut(database)).toEqual(["stream"]);
  });

  it("lets the first call after its return work, whatever was asked before", async () => {
    const { database, state, asked, told } = guardedDatabase();
    state.answer = () => Promise.reject(gone());
    await failures(database, "read", limits.breakerFailuresMax + 5);
    state.answer = async () => rows;
    asked.length = 0;
    expect(await database.query("read", "SELECT 2")).toBe(rows);
    expect(asked).toEqual(["read SELECT 1", "read SELECT 2"]);
    expect(lanesOut(database).length).toBe(0);
    expect(told).toHaveLength(2);
  });

  it("lets others work that come while the first asks, and asks once for all", async () => {
    const { database, state, asked } = guardedDatabase();
    state.answer = () => Promise.reject(gone());
    await failures(database, "read", limits.breakerFailuresMax);
    state.answer = async () => {
      await Bun.sleep(5);
      return rows;
    };
    asked.length = 0;
    const calls = Array.from({ length: 20 }, () => database.query("read", "SELECT 2"));
    expect(await Promise.all(calls)).toEqual(Array<Rows>(20).fill(rows));
    expect(asked.filter((text) => text.endsWith("SELECT 1"))).toHaveLength(1);
  });

  it("keeps connections that work while others cannot be opened", async () => {
    const { database, state, renewed } = guardedDatabase();
    state.answer = () => Promise.reject(gone());
    await failures(database, "read", limits.breakerFailuresMax + 5);
    expect(renewed).toEqual([]);
  });

  it("refuses others soon while somebody asks who gets no answer", async () => {
    const { database, state, asked } = guardedDatabase();
    state.answer = () => Promise.reject(gone());
    await failures(database, "write", limits.breakerFailuresMax);
    const { promise, resolve } = Promise.withResolvers<Rows>();
    state.answer = () => promise;
    asked.length = 0;
    const first = database.query("write", "INSERT 1");
    const others = [
      database.query("write", "INSERT 2"),
      database.transaction("write", async () => 0),
    ];
    expect(await Promise.all(others.map(codeRejectedBy))).toEqual(
      Array<string>(2).fill("database_unavailable"),
    );
    expect(asked).toEqual(["write SELECT 1"]);
    resolve(rows);
    expect(await first).toBe(rows);
  });

  it("gives up connections on which nobody answers, and finds it back by itself", async () => {
    const { database, state, renewed } = guardedDatabase();
    state.answer = () => Promise.reject(databaseTimeout(5000));
    await failures(database, "read", limits.breakerFailuresMax);
    state.answer = () => new Promise(() => {}); // dark
    expect(await codeRejectedBy(database.query("read", "SELECT 2"))).toBe("database_unavailable");
    expect(renewed).toEqual(["read"]);
    state.answer = async () => rows;
    while (lanesOut(database).length > 0) await Bun.sleep(10);
    expect(await database.query("read", "SELECT 2")).toBe(rows);
  });

  it("tells why the last call failed, until one does not", async () => {
    const { database, state } = guardedDatabase();
    expect(database.trouble("write")).toBeNull();
    const full = new RegistryError("storage_full", "full");
    state.answer = () => Promise.reject(full);
    await failures(database, "write", 1);
    expect(database.trouble("write")).toEqual({ error: full, sinceMs: expect.any(Number) });
    expect(database.trouble("read")).toBeNull();
    state.answer = async () => rows;
    await database.query("write", "INSERT");
    expect(database.trouble("write")).toBeNull();
    state.answer = () => Promise.reject(new Error("22001"));
    await database.query("write", "INSERT").catch(() => {});
    expect(database.trouble("write")).toBeNull();
  });

  it("asks no more once it is closed", async () => {
    const { database, state, asked } = guardedDatabase();
    state.answer = () => Promise.reject(gone());
    await failures(database, "read", limits.breakerFailuresMax);
    await database.close();
    const before = asked.length;
    await Bun.sleep(2 * limits.breakerPauseMs);
    expect(asked).toHaveLength(before);
  });
});
