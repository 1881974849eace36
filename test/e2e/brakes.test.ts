import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { BlobKey } from "../../src/domain/blob-key.ts";
import type { NewBlob } from "../../src/domain/blob-store.ts";
import { toHex } from "../../src/domain/bytes.ts";
import { startStandby } from "../drive/support/standby.ts";
import { randomBlob, shortKey } from "../support/blobs.ts";
import { uploaderBody } from "../support/form.ts";
import {
  databaseFlags,
  sharedPostgres,
  startPostgres,
  type PostgresServer,
  type TestDatabase,
} from "../support/postgres.ts";
import { eventually } from "../support/registry.ts";
import { anyPort, asNobody, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import type { Registry } from "./support/observation.ts";

let home: BinaryHome;
let server: PostgresServer;
let database: TestDatabase;
beforeAll(async () => {
  home = createBinaryHome();
  server = await sharedPostgres();
  database = await server.createDatabase();
});
afterAll(async () => {
  await home.remove();
  await database.drop();
});

async function start(...flags: readonly string[]): Promise<Registry> {
  return await home.start([...databaseFlags(database), ...anyPort, ...flags]);
}

async function post(registry: Registry, { data }: NewBlob): Promise<number> {
  const { body, contentType } = uploaderBody(data);
  const headers = { "Content-Type": contentType };
  return (await fetch(registry.api(), { method: "POST", body, headers })).status;
}

async function get(registry: Registry, key: BlobKey): Promise<number> {
  const response = await fetch(`${registry.api()}/${toHex(key)}`);
  await response.bytes();
  return response.status;
}

async function rowCount({ hash }: NewBlob): Promise<number> {
  const forms = [hash, shortKey(hash)].map((key) => `'\\x${toHex(key)}'`).join(", ");
  const text = `SELECT count(*)::int AS total FROM blobs WHERE hash IN (${forms})`;
  const [row] = await server.query(text, database.name);
  return Number(row?.["total"]);
}

describe("two registries on one database", () => {
  it("both refuse what was taken down, cached or not, and after a restart at once", async () => {
    const [a, b] = await Promise.all([start(), start()]);
    const [cached, uncached, large] = [500, 600, 3_000_000].map((size) => randomBlob(size));
    if (cached === undefined || uncached === undefined || large === undefined) throw new Error();
    const blobs = [cached, uncached, large];
    for (const blob of blobs) expect(await post(a, blob)).toBe(200);
    for (const registry of [a, b, a, b]) expect(await get(registry, cached.hash)).toBe(200);

    const keys = [toHex(shortKey(cached.hash)), toHex(uncached.hash), toHex(large.hash)];
    const ended = await home.run(["delete", ...keys, ...databaseFlags(database)]);
    expect([ended.exitCode, ended.stdout.split("\n").length]).toEqual([0, 4]);
    for (const registry of [a, b]) {
      for (const { hash } of blobs) {
        await eventually(async () => (await get(registry, hash)) === 451);
        expect(await get(registry, shortKey(hash))).toBe(451);
      }
      for (const blob of blobs) expect(await post(registry, blob)).toBe(451);
    }
    expect(await b.kill("SIGTERM")).toBe(0);
    const again = await start();
    for (const blob of blobs) {
      expect([await get(again, blob.hash), await post(again, blob)]).toEqual([451, 451]);
      expect(await rowCount(blob)).toBe(0);
    }
    await Promise.all([a.kill("SIGTERM"), again.kill("SIGTERM")]);
  });

  it("keep none of the bytes of uploads that race a takedown", async () => {
    const registries = await Promise.all([
      start("--db-timeout", "500ms"),
      start("--db-timeout", "500ms"),
    ]);
    const blobs = Array.from({ length: 20 }, () => randomBlob(300));
    const over = new AbortController();
    const racing = registries.map(async (registry) => {
      while (!over.signal.aborted) await Promise.all(blobs.map((blob) => post(registry, blob)));
    });
    await eventually(async () => (await rowCount(blobs[0] ?? randomBlob(1))) > 0);
    const keys = blobs.map(({ hash }) => toHex(hash));
    const ended = await home.run(["delete", ...keys, ...databaseFlags(database)]);
    expect(ended.exitCode).toBe(0);
    for (const registry of registries) {
      for (const blob of blobs) await eventually(async () => (await post(registry, blob)) === 451);
    }
    over.abort();
    await Promise.all(racing);
    for (const blob of blobs) await eventually(async () => (await rowCount(blob)) === 0);
    await Promise.all(registries.map((registry) => registry.kill("SIGTERM")));
  });
});

describe("a registry that may only read", () => {
  const basebackup = "pg_basebackup";

  it("serves from a standby, and hears of takedowns there", async () => {
    if (!existsSync(join(server.binDirectory, basebackup))) return; // told by the tests of drives
    const primary = await startPostgres();
    const own = await primary.createDatabase();
    const standby = await startStandby(primary, { commits: "asynchronous" });
    try {
      const flags = databaseFlags(own);
      const writer = await home.start([...flags, ...anyPort]);
      const blob = randomBlob(700);
      expect(await post(writer, blob)).toBe(200);
      const ofStandby = databaseFlags({ ...own, port: standby.port });
      await eventually(async () => {
        const rows = await standby.query(
          "SELECT 1 FROM pg_class WHERE relname = 'takedowns'",
          own.name,
        );
        return rows.length > 0;
      });
      const reader = await home.start([...ofStandby, ...anyPort, "--read-only"]);
      await eventually(async () => (await get(reader, blob.hash)) === 200);
      expect(await post(reader, randomBlob(5))).toBe(503);
      const ready = await fetch(`http://localhost:${reader.port()}/readyz`);
      expect(ready.status).toBe(200);
      await home.run(["delete", toHex(blob.hash), ...flags]);
      await eventually(async () => (await get(reader, blob.hash)) === 451);
      expect(reader.lines().filter(({ level }) => level !== "info")).toMatchObject([
        { level: "warn", message: expect.stringContaining("stood on the command line") },
      ]);
      await Promise.all([reader.kill("SIGTERM"), writer.kill("SIGTERM")]);
    } finally {
      await standby.remove();
      await primary.remove();
    }
  });

  it.skipIf(process.getuid?.() !== 0)("serves from a directory that is not its", async () => {
    const directory = join(home.newDirectory(), "store");
    const embedded = ["--embedded", directory, ...anyPort];
    const writer = await home.start(embedded);
    const blob = randomBlob(700);
    expect(await post(writer, blob)).toBe(200);
    expect(await writer.kill("SIGTERM")).toBe(0);
    const before = readdirSync(directory);
    const reader = await home.start([...embedded, "--read-only"], {
      directory: home.newDirectory("nobody"),
      wrapper: asNobody,
    });
    expect([await get(reader, blob.hash), await post(reader, blob)]).toEqual([200, 503]);
    expect(readdirSync(directory)).toEqual(before);
    await reader.kill("SIGTERM");
  });
});
