import { SQL } from "bun";
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { clientTools, hasPostgres } from "./postgres-binaries.ts";
import {
  type PostgresServer,
  sharedPostgres,
  startPostgres,
  type TestDatabase,
} from "./postgres.ts";

const slow = { timeout: 60_000 };

function connect(database: TestDatabase, tls: Bun.TLSOptions | false = false): SQL {
  const { host: hostname, port, name, user: username, password } = database;
  const access = { hostname, port, database: name, username, password };
  return new SQL({ adapter: "postgres", ...access, tls, max: 1 });
}

async function withConnection<T>(database: TestDatabase, use: (sql: SQL) => Promise<T>) {
  const sql = connect(database);
  try {
    return await use(sql);
  } finally {
    await sql.close();
  }
}

async function dataDirectory(server: PostgresServer): Promise<string> {
  const rows = await server.query("select current_setting('data_directory') as path");
  return String(rows[0]?.["path"]);
}

async function serverPid(server: PostgresServer): Promise<number> {
  const text = await Bun.file(join(await dataDirectory(server), "postmaster.pid")).text();
  return Number.parseInt(text, 10);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const started: PostgresServer[] = [];
async function start(...options: Parameters<typeof startPostgres>): Promise<PostgresServer> {
  const server = await startPostgres(...options);
  started.push(server);
  return server;
}
afterAll(() => Promise.all(started.map((server) => server.remove())), slow.timeout);

describe.each(["debian-or-newest", "12", "newest"] as const)("PostgreSQL %s", (version) => {
  test.skipIf(!hasPostgres(version))(
    "starts, keeps data over a stop, and leaves nothing",
    async () => {
      const server = await start({ version });
      const [row] = await server.query("select version() as version");
      expect(row?.["version"]).toStartWith(`PostgreSQL ${server.versionMajor}.`);
      if (version !== "debian-or-newest") {
        expect(server.versionMajor).toBe(version === "12" ? 12 : 18);
      }

      const database = await server.createDatabase();
      await withConnection(database, async (sql) => {
        await sql`create table fruit (name text)`;
        await sql`insert into fruit values ('plum')`;
      });

      await server.stop();
      expect(await code(server.query("select 1"))).toBe("ERR_POSTGRES_CONNECTION_REFUSED");
      await server.start();
      const fruit = await withConnection(database, (sql) => sql`select name from fruit`.values());
      expect(fruit[0]).toEqual(["plum"]);
      await server.stop("immediate");
      await server.start();
      await server.start();
      await server.query("select 1");

      await database.drop();
      const left = await server.query("select from pg_database where datname ~ 'mycelium'");
      expect(left).toEqual([]);

      const pid = await serverPid(server);
      const directory = dirname(await dataDirectory(server));
      expect([isAlive(pid), existsSync(directory)]).toEqual([true, true]);
      await server.remove();
      await server.remove();
      expect([isAlive(pid), existsSync(directory)]).toEqual([false, false]);
    },
    slow,
  );
});

async function code(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return "none";
  } catch (error) {
    const { errno, code: name } = error as { errno?: unknown; code?: unknown };
    return errno ?? name;
  }
}

test(
  "the shared server is one, asks for passwords, and drops a database in use",
  async () => {
    const server = await sharedPostgres();
    expect(await sharedPostgres()).toBe(server);
    const database = await server.createDatabase();
    const stranger = { ...database, password: "wrong" };
    expect(await code(withConnection(stranger, (sql) => sql`select 1`))).toBe("28P01");
    const sql = connect(database);
    await sql`select 1`;
    await database.drop();
    await sql.close();
  },
  slow,
);

test(
  "without the last grant the role may create no table from version 15 on",
  async () => {
    const server = await sharedPostgres();
    const database = await server.createDatabase({ grantSchema: false });
    const created = code(withConnection(database, (sql) => sql`create table fruit (name text)`));
    expect(await created).toBe(server.versionMajor >= 15 ? "42501" : "none");
    await database.drop();
  },
  slow,
);

test(
  "settings override the harness's, and a bad one is told with the server's log",
  async () => {
    const server = await start({ settings: { fsync: "on", application_name: "it's" } });
    const [row] = await server.query(
      "select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit",
    );
    expect(row).toEqual({ fsync: "on", commit: "off" });
    await server.remove();
    await expect(startPostgres({ settings: { no_such_setting: "1" } })).rejects.toThrow(
      /unrecognized configuration parameter "no_such_setting"/,
    );
  },
  slow,
);

test.skipIf(Bun.which("openssl") === null)(
  "speaks TLS with the certificate given",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "mycelium-certificate-"));
    const [certFile, keyFile] = [join(directory, "a.crt"), join(directory, "a.key")];
    const request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=test";
    const files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", keyFile, "-out", certFile];
    Bun.spawnSync(["openssl", ...request.split(" "), ...files], { stderr: "ignore" });
    const ca = readFileSync(certFile, "utf8");
    const server = await start({ tls: { certFile, keyFile } });
    rmSync(directory, { recursive: true });

    const database = await server.createDatabase();
    const sql = connect(database, { ca, rejectUnauthorized: true });
    const rows = await sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`.values();
    expect(rows[0]).toEqual([true]);
    await sql.close();
    await server.remove();
  },
  slow,
);

test(
  "dump tools, where there are any, can be run",
  async () => {
    const tools = clientTools();
    if (tools === null) return;
    const child = Bun.spawn([join(tools, "pg_dump"), "--version"], { stdout: "pipe" });
    expect(await child.stdout.text()).toStartWith("pg_dump (PostgreSQL)");
  },
  slow,
);
