import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { rmSync } from "node:fs";
import { limits } from "../../src/domain/limits.ts";
import { uploaderBody } from "../support/form.ts";
import {
  databaseFlags,
  sharedPostgres,
  type PostgresServer,
  type TestDatabase,
} from "../support/postgres.ts";
import { connectRaw, type RawConnection } from "../support/raw-http.ts";
import { eventually, randomBytes, temporaryDirectory } from "../support/registry.ts";
import { startRegistryProcess, type RegistryProcess } from "../support/registry-process.ts";
import { lockTable } from "../support/table-lock.ts";

const mebibyte = 1024 * 1024;
const blobBytes = 128 * mebibyte;
/** What a large blob may cost the server, however large and however slow its client. */
const growthBytesMax = 64 * mebibyte;

const bytes = randomBytes(blobBytes);

/** The largest memory of a process, looked at all the time until `stop`. */
function watchMemory(registry: RegistryProcess): { stop(): number } {
  let peak = 0;
  const look = (): void => {
    peak = Math.max(peak, registry.anonymousBytes());
  };
  look();
  const timer = setInterval(look, 5);
  return {
    stop() {
      clearInterval(timer);
      look();
      return peak;
    },
  };
}

async function beginUpload(
  port: number,
): Promise<{ connection: RawConnection; sent: Promise<unknown> }> {
  const { body, contentType } = uploaderBody(bytes);
  const connection = await connectRaw(port);
  await connection.send(
    "POST /api/v1/metadata HTTP/1.1\r\nHost: r\r\n" +
      `Content-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  return { connection, sent: connection.send(body).catch(() => {}) };
}

async function upload(port: number): Promise<string> {
  const { connection } = await beginUpload(port);
  const { status, body } = await connection.response();
  expect(status).toBe(200);
  connection.destroy();
  return (JSON.parse(Buffer.from(body).toString()) as { hash: string }).hash;
}

describe.each(["SQLite", "PostgreSQL"])("the whole registry (%s)", (storeName) => {
  let server: PostgresServer;
  let database: TestDatabase;
  let directory: string;
  let registry: RegistryProcess;
  let port: number;
  let api: string;

  beforeAll(async () => {
    directory = temporaryDirectory();
    server = await sharedPostgres();
    database = await server.createDatabase();
    const bounds = ["--max-blob-size", "128MiB", "--db-timeout", "30s"];
    const [, url = ""] = databaseFlags(database);
    registry =
      storeName === "SQLite"
        ? startRegistryProcess(["--embedded", directory, ...bounds])
        : startRegistryProcess(bounds, { environment: { REGISTRY_DB_URL: url } });
    ({ port, api } = await registry.listening);
    await upload(port); // so that what is loaded and compiled once is not measured
  });
  afterAll(async () => {
    await registry.kill();
    await database.drop();
    rmSync(directory, { recursive: true });
  });

  it("holds little of a blob that a client does not read on, and serves others", async () => {
    const hash = await upload(port);
    const before = registry.anonymousBytes();
    const memory = watchMemory(registry);
    const slow = await connectRaw(port);
    slow.pause();
    await slow.send(`GET /api/v1/metadata/${hash} HTTP/1.1\r\nHost: r\r\n\r\n`);
    // The others are served meanwhile, a whole large blob among them.
    const small = new FormData();
    small.append("data", "small");
    for (let turn = 0; turn < 20; turn += 1) {
      expect((await fetch(api, { method: "POST", body: small })).status).toBe(200);
      expect((await fetch(`${api}/${hash.slice(0, 32)}`, { method: "HEAD" })).status).toBe(200);
    }
    expect(memory.stop() - before).toBeLessThan(growthBytesMax);
    slow.resume();
    const response = await slow.response();
    expect(response.isComplete).toBe(true);
    expect(Buffer.compare(response.body, bytes)).toBe(0);
    slow.destroy();
  });

  it("takes and gives a large blob in little memory", async () => {
    const before = registry.anonymousBytes();
    const memory = watchMemory(registry);
    const hash = await upload(port);
    const reader = (await fetch(`${api}/${hash}`)).body ?? [];
    let received = 0;
    for await (const piece of reader) received += piece.length;
    expect(received).toBe(blobBytes);
    expect(memory.stop() - before).toBeLessThan(growthBytesMax);
  });

  // An embedded store has nobody else who could lock its tables, or look into them.
  if (storeName !== "SQLite") {
    it("holds up a client that sends faster than the database takes", async () => {
      const before = registry.anonymousBytes();
      const lock = await lockTable(server, database, "blob_segments");
      const memory = watchMemory(registry);
      const { connection, sent } = await beginUpload(port);
      let isSent = false;
      void sent.then(() => (isSent = true));
      await lock.awaited();
      expect((await fetch(`${api}/00`)).status).toBe(400); // others are answered
      expect(isSent).toBe(false);
      expect(memory.stop() - before).toBeLessThan(growthBytesMax);
      await lock.release();
      expect((await connection.response()).status).toBe(200);
      connection.destroy();
    });

    it("removes what was stored of an upload whose client goes in the middle", async () => {
      const count = async (table: string): Promise<number> => {
        const [row] = await server.query(`SELECT count(*)::int AS n FROM ${table}`, database.name);
        return Number(row?.["n"]);
      };
      const segments = blobBytes / limits.segmentBytes; // of the one blob that is there
      await eventually(async () => (await count("uploads")) === 0);
      const other = uploaderBody(randomBytes(20 * mebibyte));
      const connection = await connectRaw(port);
      await connection.send(
        "POST /api/v1/metadata HTTP/1.1\r\nHost: r\r\n" +
          `Content-Type: ${other.contentType}\r\nContent-Length: ${other.body.length}\r\n\r\n`,
      );
      await connection.send(other.body.subarray(0, 15 * mebibyte));
      await eventually(async () => (await count("blob_segments")) > segments + 5);
      connection.destroy();
      await eventually(async () => (await count("uploads")) === 0);
      expect(await count("blob_segments")).toBe(segments);
    });
  }

  it("told nobody of a failure", () => {
    const levels = registry.lines.map(({ level }) => level);
    expect(levels.filter((level) => level !== "info")).toEqual([]);
    expect(registry.errorText()).toBe("");
  });
});
