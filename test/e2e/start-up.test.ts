import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { join } from "node:path";
import { freePort } from "../support/ports.ts";
import { startPostgres, type PostgresServer, type TestDatabase } from "../support/postgres.ts";
import {
  anyPort,
  asNobody,
  createBinaryHome,
  type BinaryHome,
  type Ended,
  type RunOptions,
} from "./support/binary.ts";
import { ownNetwork, withoutIpv6 } from "./support/sandbox.ts";

const isRoot = process.getuid?.() === 0;
const secret = "correct-horse";

let home: BinaryHome;
let server: PostgresServer;
let database: TestDatabase;

beforeAll(async () => {
  home = createBinaryHome();
  server = await startPostgres();
  database = await server.createDatabase();
});

afterAll(async () => {
  await home.remove();
  await server.remove();
});

/** Flags for the test database, some of them replaced. */
function databaseFlags(replaced: Partial<Record<string, string>> = {}): string[] {
  const { user, password, name, host, port } = database;
  const fields = { user, password, name, host, port: String(port), "connect-timeout": "0s" };
  return Object.entries({ ...fields, ...replaced }).map(
    ([field, value]) => `--db-${field}=${value}`,
  );
}

/** Runs it in vain, and checks what every failure to start has in common. */
async function failure(args: readonly string[], options?: RunOptions): Promise<string> {
  const { exitCode, stdout, stderr }: Ended = await home.run(args, options);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^registry: [^\n]+; [^\n]+\n$/);
  for (const password of [database.password, secret]) {
    expect(stdout + stderr).not.toContain(password);
  }
  return stderr.slice("registry: ".length, -1);
}

describe("a registry that cannot start ends with one line and 1", () => {
  it("says that PostgreSQL refuses connections", async () => {
    const port = await freePort();
    expect(await failure([...anyPort, ...databaseFlags({ port: String(port) })])).toBe(
      `PostgreSQL at 127.0.0.1:${port} refuses connections; ` +
        "start it, or correct --db-host and --db-port",
    );
  });

  it("says that a host is unknown", async () => {
    // Too long for a label, so that no name server is asked.
    const host = `${"a".repeat(64)}.test`;
    expect(await failure([...anyPort, ...databaseFlags({ host })])).toBe(
      `the database host "${host}" is unknown; correct --db-host, or the name server`,
    );
  });

  it("says that the password is wrong", async () => {
    const line = await failure([...anyPort, ...databaseFlags({ password: secret })]);
    expect(line).toStartWith(
      `PostgreSQL at 127.0.0.1:${server.port} does not let user "${database.user}" in (`,
    );
    expect(line).toEndWith("correct --db-user and --db-password, or pg_hba.conf");
  });

  it("says that there is no such database", async () => {
    const line = await failure([...anyPort, ...databaseFlags({ name: "nowhere" })]);
    expect(line).toBe(
      `there is no database "nowhere" at 127.0.0.1:${server.port}; ` +
        "create it (CREATE DATABASE nowhere;), or correct --db-name",
    );
  });

  it("says which right is missing, and how to give it", async () => {
    const closed = await server.createDatabase({ grantSchema: false });
    await server.query("REVOKE CREATE ON SCHEMA public FROM PUBLIC", closed.name);
    const { user, password, name } = closed;
    expect(await failure([...anyPort, ...databaseFlags({ user, password, name })])).toBe(
      `user "${user}" lacks a right in database "${name}" (permission denied for schema public); ` +
        `as a superuser run there: GRANT ALL ON SCHEMA public TO ${user}; ` +
        "What a server needs at least is in docs/security.md",
    );
  });

  it("says that the server offers no TLS", async () => {
    expect(await failure([...anyPort, ...databaseFlags({ tls: "require" })])).toBe(
      `PostgreSQL at 127.0.0.1:${server.port} does not offer TLS, ` +
        "which --db-tls require asks for; " +
        "set ssl = on in postgresql.conf, or use --db-tls prefer",
    );
  });

  it("says that the database is from a newer registry", async () => {
    const newer = await server.createDatabase();
    const { user, password, name } = newer;
    const flags = [...anyPort, ...databaseFlags({ user, password, name })];
    await (await home.start(flags)).kill();
    const insert = "INSERT INTO registry_migrations VALUES (9999, '9999-later', 'x')";
    await server.query(insert, name);
    expect(await failure(flags)).toStartWith(
      "the database is from a newer registry (it has migration 9999-later, ",
    );
  });

  it("says that the port is in use, before it touches the database", async () => {
    const untouched = await server.createDatabase();
    const { user, password, name } = untouched;
    const other = Bun.serve({ port: 0, hostname: "::", fetch: () => new Response() });
    const { port } = other;
    const line = await failure([`--port=${port}`, ...databaseFlags({ user, password, name })]);
    await other.stop(true);
    expect(line).toStartWith(`port ${port} is in use ([::]:${port}); `);
    const found = await server.query("SELECT to_regclass('blobs') AS blobs", name);
    expect(found).toEqual([{ blobs: null }]);
  });

  it("says that an embedded store has another registry", async () => {
    const directory = home.newDirectory();
    const first = await home.start([...anyPort, "--embedded", directory]);
    expect(await failure([...anyPort, "--embedded", directory])).toStartWith(
      `another process is using ${directory}; an embedded store belongs to one registry: `,
    );
    expect(await first.kill()).toBe(0);
  });

  it.skipIf(!isRoot)("says that an embedded store cannot be written", async () => {
    const directory = home.newDirectory(); // root's
    const options = { wrapper: asNobody };
    expect(await failure([...anyPort, "--embedded", directory], options)).toStartWith(
      `cannot write in ${directory} (`,
    );
    const inside = join(directory, "store");
    expect(await failure([...anyPort, "--embedded", inside], options)).toStartWith(
      `cannot make the directory ${inside} (`,
    );
  });

  it.skipIf(!isRoot)("says that only root may have a port below 1024", async () => {
    const directory = home.newDirectory("nobody");
    // In a network of its own, where no administrator has changed that.
    const wrapper = [...ownNetwork, ...asNobody];
    expect(await failure(["--port=80", "--embedded", directory], { wrapper })).toBe(
      "this user may not listen on port 80; choose one above 1023 with --port",
    );
  });

  it("says that the address is none of this machine's", async () => {
    const line = await failure(["--host=192.0.2.1", ...anyPort, "--embedded", "data"]);
    expect(line).toStartWith("cannot listen on 192.0.2.1:0 (");
  });
});

describe("wrong usage ends with 2", () => {
  it.each([
    [[], "which database? give --db-user and --db-password"],
    [["--db-pasword", secret], "unknown flag --db-pasword; did you mean --db-password?"],
    [["--embedded", "data", "--port", "99999"], '--port: "99999" is out of bounds: 0 to 65535'],
    [["sevre"], 'unknown command "sevre"; did you mean serve?'],
    [["--db-user=a", `--db-password=${secret}`, "--db-tls=maybe"], '--db-tls: "maybe" is none of '],
  ])("%j", async (args, start) => {
    const { exitCode, stdout, stderr } = await home.run(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toStartWith(`registry: ${start}`);
    expect(stderr).toEndWith("\nsee registry --help\n");
    expect(stderr).not.toContain(secret);
  });
});

describe("a registry that starts", () => {
  it.each(["--help", "-h", "help", "--version", "-V", "openapi"])(
    "%s ends with 0",
    async (word) => {
      const { exitCode, stdout, stderr } = await home.run([word]);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect(stdout).toMatch(/^(registry \d|# Generated from the routes)/);
    },
  );

  it("tells the port that --port 0 chose, and answers there", async () => {
    const registry = await home.start([...anyPort, "--embedded", "data"]);
    expect(registry.port()).toBeGreaterThan(0);
    const health = await fetch(`http://localhost:${registry.port()}/healthz`);
    expect(await health.json()).toEqual({ status: "ok" });
    await registry.kill();
  });

  it.each(["SIGTERM", "SIGINT"] as const)("ends with 0 at %s", async (signal) => {
    const registry = await home.start([...anyPort, ...databaseFlags()]);
    expect(await registry.kill(signal)).toBe(0);
    expect(registry.stderr()).toBe("");
  });

  it("waits for a database that is not up yet", async () => {
    const late = await startPostgres();
    const { user, password, name } = await late.createDatabase();
    await late.stop();
    const fields = { user, password, name, port: String(late.port), "connect-timeout": "60s" };
    const registry = home.launch([...anyPort, ...databaseFlags(fields)]);
    while (!registry.stdout().includes("waiting for PostgreSQL")) await Bun.sleep(5);
    await late.start();
    expect(await registry.listening).toMatchObject({ store: "postgres" });
    await registry.kill();
    await late.remove();
  });

  it("listens on 0.0.0.0, and says so, where there is no IPv6", async () => {
    const registry = await home.start([...anyPort, "--embedded", "data"], { wrapper: withoutIpv6 });
    expect(registry.lines()).toContainEqual({
      time: expect.any(String),
      level: "warn",
      message: "this machine has no IPv6; listening on 0.0.0.0 instead of ::",
    });
    const health = await fetch(`http://127.0.0.1:${registry.port()}/healthz`);
    expect(health.status).toBe(200);
    await registry.kill();
  });
});
