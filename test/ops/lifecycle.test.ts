import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { uploaderBody, utf8 } from "../support/form.ts";
import {
  databaseFlags,
  sharedPostgres,
  type PostgresServer,
  type TestDatabase,
} from "../support/postgres.ts";
import { connectRaw, type RawConnection } from "../support/raw-http.ts";
import { eventually, temporaryDirectory, type LogLine } from "../support/registry.ts";
import { startRegistryProcess, type RegistryProcess } from "../support/registry-process.ts";
import { lockTable } from "../support/table-lock.ts";

let directory: string;
let server: PostgresServer;
let database: TestDatabase;
let running: RegistryProcess[] = [];

beforeAll(async () => {
  directory = temporaryDirectory();
  server = await sharedPostgres();
  database = await server.createDatabase();
});
afterEach(async () => {
  await Promise.all(running.map((registry) => registry.kill()));
  running = [];
});
afterAll(async () => {
  await database.drop();
  rmSync(directory, { recursive: true });
});

function start(args: readonly string[]): RegistryProcess {
  const registry = startRegistryProcess(args);
  running.push(registry);
  return registry;
}

const embedded = (): string[] => ["--embedded", directory];

/** An upload on a connection of its own, all of it sent. */
async function beginUpload(port: number, text: string): Promise<RawConnection> {
  const { body, contentType } = uploaderBody(utf8(text));
  const connection = await connectRaw(port);
  await connection.send(
    "POST /api/v1/metadata HTTP/1.1\r\nHost: r\r\n" +
      `Content-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  await connection.send(body);
  return connection;
}

describe("starting", () => {
  it("logs one line saying where it listens, and serves there", async () => {
    const registry = start(embedded());
    const { url } = await registry.listening;
    expect(await registry.message("listening")).toMatchObject({
      level: "info",
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      store: "sqlite",
      hashing: "native",
    });
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  it("tells its configuration first, and who gave it, without secrets", async () => {
    const { user, name, host, port } = database;
    const address = `${host}:${port}/${name}`;
    const registry = startRegistryProcess(
      ["--db-connect-timeout", "0s", "--db-url", `postgres://${user}:planted%2F@${address}`],
      {
        environment: {
          REGISTRY_CACHE_SIZE: "1MiB",
          REGISTRY_DB_PASSWORD: "",
          REGISTRY_SLOW_REQUEST: "",
        },
      },
    );
    running.push(registry);
    const told = registry.message("configuration");
    expect(await told).toMatchObject({
      level: "info",
      flags: { "db-connect-timeout": "0s", host: "127.0.0.1", port: "0" },
      environment: { "db-url": "***", "cache-size": "1MiB" },
      defaults: { "max-blob-size": "64MiB", "slow-request": "1s" },
    });
    registry.signal("SIGTERM");
    await registry.exited;
    expect(`${JSON.stringify(registry.lines)}${registry.errorText()}`).not.toContain("planted");
  });

  it("warns of what everybody may do, where everybody comes", async () => {
    const registry = start([...embedded(), "--host", "0.0.0.0"]);
    await registry.listening;
    const warnings = registry.lines.filter(({ level }) => level === "warn");
    expect(warnings).toMatchObject([{ message: expect.stringContaining("may upload") }]);
  });

  it("ends with one plain line when the port is in use, before all else", async () => {
    const taken = createServer();
    const port = await listeningPort(taken);
    const fresh = join(directory, "untouched");
    const registry = start(["--embedded", fresh, "--port", String(port)]);
    expect(await registry.exited).toBe(1);
    expect(registry.errorText()).toMatch(
      new RegExp(`^registry: port ${port} is in use \\(.+\\); .+--port\\n$`),
    );
    expect(registry.lines).toEqual([]);
    expect(existsSync(fresh)).toBe(false);
    taken.close();
  });

  it("two at once on one fresh database both come up", async () => {
    const fresh = await server.createDatabase();
    const both = [start(databaseFlags(fresh)), start(databaseFlags(fresh))];
    for (const registry of both) {
      const { url } = await registry.listening;
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
    }
    await Promise.all(both.map((registry) => registry.kill()));
    await fresh.drop();
  });

  it("is alive, not ready, and asks to be tried again, while the database refuses", async () => {
    const [port, databasePort] = [await unusedPort(), await unusedPort()];
    const url = `http://127.0.0.1:${port}`;
    const place = ["--db-url", `postgres://u:p@127.0.0.1:${databasePort}/d`];
    const registry = start([...place, "--db-connect-timeout", "10m", "--port", String(port)]);
    await registry.message("waiting for PostgreSQL");
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    const response = await fetch(`${url}/api/v1/metadata/00`);
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({ code: "starting" });
  });
});

describe("a failure that nobody caught", () => {
  it("is logged, and ends the registry with 1 once nothing is under way", async () => {
    const registry = startRegistryProcess(databaseFlags(database), {
      preload: [Bun.fileURLToPath(import.meta.resolve("../support/reject-on-signal.ts"))],
    });
    running.push(registry);
    const { port } = await registry.listening;
    const lock = await lockTable(server, database, "blobs");
    const upload = await beginUpload(port, "in spite of it");
    await lock.awaited();
    registry.signal("SIGUSR2");
    expect(await registry.line(({ level }) => level === "error")).toMatchObject({
      error: { message: "nobody caught this", stack: expect.any(String) },
    });
    await lock.release();
    expect((await upload.response()).status).toBe(200);
    expect(await registry.exited).toBe(1);
  });
});

describe("stopping", () => {
  it.each(["SIGTERM", "SIGINT"] as const)("%s ends an idle registry with 0", async (signal) => {
    const registry = start(embedded());
    const { url } = await registry.listening;
    await fetch(`${url}/healthz`); // leaves a connection open
    registry.signal(signal);
    expect(await registry.exited).toBe(0);
    const messages = registry.lines.map(({ message }) => message);
    expect(messages.slice(-3)).toEqual(["signal received", "stopping", "stopped"]);
    expect(registry.errorText()).toBe("");
  });

  it("a request under way is answered, and its connection closed", async () => {
    const registry = start(databaseFlags(database));
    const { port } = await registry.listening;
    const lock = await lockTable(server, database, "blobs");
    const upload = await beginUpload(port, "under way");
    await lock.awaited();
    registry.signal("SIGTERM");
    expect(await registry.message("stopping")).toMatchObject({ pending_requests: 1 });
    await lock.release();
    const response = await upload.response();
    expect(response.status).toBe(200);
    expect(response.headers["connection"]).toBe("close");
    expect(await registry.exited).toBe(0);
    expect(connectRaw(port)).rejects.toThrow();
  });

  it("during --drain-delay /readyz says 503, and everybody is still served", async () => {
    const registry = start([...embedded(), "--drain-delay", "1s"]);
    const { url, port } = await registry.listening;
    registry.signal("SIGTERM");
    await registry.message("stopping");
    const ready = await fetch(`${url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual({
      status: "unavailable",
      checks: {
        database: { status: "ok", detail: "answers", age_ms: expect.any(Number) },
        lifecycle: { status: "unavailable", detail: "stopping", age_ms: 0 },
      },
    });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const upload = await (await beginUpload(port, "while draining")).response();
    expect(upload.status).toBe(200);
    expect(upload.headers["connection"]).toBe("close");
    expect(await registry.exited).toBe(0);
  });

  it("what has not ended by --drain-timeout is cut, and told by number", async () => {
    const registry = start([...databaseFlags(database), "--drain-timeout", "100ms"]);
    const { port } = await registry.listening;
    const lock = await lockTable(server, database, "blobs");
    // Not the sweep's, which may wait for the table, too.
    const waitingInserts = async (): Promise<number> => {
      const [row] = await server.query(
        "SELECT count(*)::int AS total FROM pg_stat_activity WHERE wait_event_type = 'Lock' " +
          `AND datname = '${database.name}' AND query LIKE '%INSERT INTO blobs%'`,
      );
      return Number(row?.["total"]);
    };
    const first = await beginUpload(port, "cut");
    await eventually(async () => (await waitingInserts()) === 1); // else both may be one statement
    const uploads = [first, await beginUpload(port, "cut too")];
    await eventually(async () => (await waitingInserts()) === 2);
    registry.signal("SIGTERM");
    const cut = ({ message }: LogLine): boolean => /--drain-timeout/.test(String(message));
    expect(await registry.line(cut)).toMatchObject({ level: "warn", requests: 2 });
    await Promise.all(uploads.map(({ ended }) => ended));
    await lock.release();
    expect(await registry.exited).toBe(0);
  });

  it("a second signal ends it at once with 1, whatever is under way", async () => {
    const registry = start([
      ...databaseFlags(database),
      "--db-timeout",
      "60s",
      "--drain-timeout",
      "1h",
    ]);
    const { port } = await registry.listening;
    const lock = await lockTable(server, database, "blobs");
    await beginUpload(port, "impatient");
    await lock.awaited();
    registry.signal("SIGTERM");
    await registry.message("stopping");
    // Again and again: signals close to each other count as one.
    const again = setInterval(() => registry.signal("SIGINT"), 50);
    const exitCode = await registry.exited;
    clearInterval(again);
    expect(exitCode).toBe(1);
    await registry.line(({ level, signal }) => level === "warn" && signal === "SIGINT");
    const waited = registry.lines.filter(({ message }) => message === "request failed");
    expect(waited).toEqual([]); // it did not wait for the database
    await lock.release();
  });

  it("a signal that arrives twice within a moment is one", async () => {
    const registry = start([...embedded(), "--drain-delay", "300ms"]);
    await registry.listening;
    registry.signal("SIGINT");
    await registry.message("stopping");
    registry.signal("SIGINT");
    expect(await registry.exited).toBe(0);
  });

  it("a signal while it waits for a database that refuses ends it with 0", async () => {
    const port = await unusedPort();
    const registry = start([
      "--db-url",
      `postgres://u:p@127.0.0.1:${port}/d`,
      "--db-connect-timeout",
      "10m",
    ]);
    await registry.message("waiting for PostgreSQL");
    registry.signal("SIGTERM");
    expect(await registry.exited).toBe(0);
    expect(registry.errorText()).toBe("");
  });
});

// --- internal ---

async function listeningPort(listener: Server): Promise<number> {
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** A port that refuses: it was free a moment ago. */
async function unusedPort(): Promise<number> {
  const probe = createServer();
  const port = await listeningPort(probe);
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
