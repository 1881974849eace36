import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { StartError } from "../../../src/domain/errors.ts";
import type { Log } from "../../../src/domain/log.ts";
import type { Database } from "../../../src/storage/database.ts";
import { checkVersion, connectPostgres } from "../../../src/storage/postgres/connect.ts";
import type { PostgresOptions } from "../../../src/storage/postgres/open.ts";
import { type Certificates, hasOpenssl, makeCertificates } from "../../support/certificates.ts";
import { optionsOf } from "../../support/databases.ts";
import { freePort } from "../../support/ports.ts";
import {
  type PostgresServer,
  sharedPostgres,
  startPostgres,
  type TestDatabase,
} from "../../support/postgres.ts";

const warnings: string[] = [];
const log: Log = {
  debug() {},
  info() {},
  warn: (message) => void warnings.push(message),
  error() {},
};

/** The one line that says why the registry cannot start. */
async function complaintOf(options: PostgresOptions): Promise<string> {
  try {
    const database = await connectPostgres(options, log);
    await database.close();
    return "no complaint";
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    expect(error.message).not.toContain("\n");
    if (options.password !== "") expect(error.message).not.toContain(options.password);
    return error.message;
  }
}

/** Whether the connection is encrypted. */
async function usesTls(options: PostgresOptions): Promise<unknown> {
  const database = await connectPostgres(options, log);
  const text = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
  const [row] = await database.query("health", text);
  await database.close();
  return row?.["ssl"];
}

describe("a server that lets us in", () => {
  let server: PostgresServer;
  let target: TestDatabase;
  let options: PostgresOptions;
  beforeAll(async () => {
    server = await sharedPostgres();
    target = await server.createDatabase();
    options = optionsOf(target);
  });
  afterAll(async () => await target.drop());

  it("is connected to", async () => {
    const database = await connectPostgres(options, log);
    expect(await database.query("read", "SELECT 1 AS one")).toHaveLength(1);
    await database.close();
  });

  it("does not know the password", async () => {
    const why = await complaintOf({ ...options, password: "not the password" });
    expect(why).toStartWith(
      `PostgreSQL at 127.0.0.1:${server.port} does not let user "${target.user}" in (password `,
    );
    expect(why).toEndWith("; correct --db-user and --db-password, or pg_hba.conf");
  });

  it("is not given a password at all, whatever the environment says", async () => {
    process.env["PGPASSWORD"] = target.password;
    const why = await complaintOf({ ...options, password: "" }).finally(() => {
      delete process.env["PGPASSWORD"];
    });
    expect(why).toContain("does not let user");
  });

  it("does not know the user", async () => {
    const why = await complaintOf({ ...options, user: "nobody-of-that-name" });
    expect(why).toContain('does not let user "nobody-of-that-name" in');
  });

  it("has no such database", async () => {
    expect(await complaintOf({ ...options, name: "no_such_database" })).toBe(
      `there is no database "no_such_database" at 127.0.0.1:${server.port}; ` +
        "create it (CREATE DATABASE no_such_database;), or correct --db-name",
    );
  });

  it("has a database of a name that must be quoted", async () => {
    expect(await complaintOf({ ...options, name: 'no-such "one"' })).toContain(
      'CREATE DATABASE "no-such ""one""";',
    );
  });

  it("does not offer the TLS that is asked for", async () => {
    for (const tls of ["require", "verify-full"] as const) {
      expect(await complaintOf({ ...options, tls })).toBe(
        `PostgreSQL at 127.0.0.1:${server.port} does not offer TLS, which --db-tls ${tls} asks ` +
          "for; set ssl = on in postgresql.conf, or use --db-tls prefer",
      );
    }
    const { ca, remove } = makeCertificates("IP:127.0.0.1");
    const why = await complaintOf({ ...options, tls: "verify-full", tlsCa: ca });
    expect(why).toContain("does not offer TLS");
    remove();
  });

  it("does without TLS where that is only preferred", async () => {
    expect(await usesTls({ ...options, tls: "prefer" })).toBe(false);
  });
});

describe.skipIf(!hasOpenssl())("a server that speaks TLS", () => {
  let right: Certificates;
  let other: Certificates;
  let server: PostgresServer;
  let elsewhere: PostgresServer;
  let options: PostgresOptions;
  beforeAll(async () => {
    right = makeCertificates("IP:127.0.0.1,DNS:localhost");
    other = makeCertificates("DNS:elsewhere.test,IP:192.0.2.1");
    [server, elsewhere] = await Promise.all([
      startPostgres({ tls: right }),
      startPostgres({ tls: other }),
    ]);
    options = optionsOf(await server.createDatabase());
  });
  afterAll(async () => {
    await Promise.all([server.remove(), elsewhere.remove()]);
    right.remove();
    other.remove();
  });

  it.each(["prefer", "require"] as const)("is spoken to so with %s", async (tls) => {
    expect(await usesTls({ ...options, tls })).toBe(true);
  });

  it("is not spoken to so when TLS is disabled", async () => {
    expect(await usesTls({ ...options, tls: "disable" })).toBe(false);
  });

  it("is believed when its authority is the one given", async () => {
    expect(await usesTls({ ...options, tls: "verify-full", tlsCa: right.ca })).toBe(true);
  });

  it("is believed by its name as well as by its address", async () => {
    const verify = { tls: "verify-full", tlsCa: right.ca } as const;
    expect(await usesTls({ ...options, ...verify, host: "localhost" })).toBe(true);
  });

  it.each([
    ["of an authority that nobody gave", () => null],
    ["of another authority than the one given", () => other.ca],
  ])("is not believed with a certificate %s", async (_, tlsCa) => {
    const why = await complaintOf({ ...options, tls: "verify-full", tlsCa: tlsCa() });
    expect(why).toMatch(/^the certificate of PostgreSQL at 127\.0\.0\.1:\d+ is not accepted \(/);
    expect(why).toContain("give its authority with --db-tls-ca");
  });

  it("is not believed under a name that its certificate does not have", async () => {
    const { user, password } = elsewhere;
    const access = { ...options, name: "postgres", port: elsewhere.port, user, password };
    for (const host of ["127.0.0.1", "localhost"]) {
      const why = await complaintOf({ ...access, host, tls: "verify-full", tlsCa: other.ca });
      expect(why).toMatch(/^the certificate of PostgreSQL at .* is not accepted \(/);
      expect(why).toContain("name the host with --db-host as the certificate does");
    }
  });
});

describe("a server that is not there", () => {
  const options: PostgresOptions = {
    ...optionsOf({ host: "127.0.0.1", name: "a", user: "b", password: "s3cret" } as TestDatabase),
    connectTimeoutMs: 300,
    port: 1,
  };

  it("is waited for, which is said once, and then told", async () => {
    warnings.length = 0;
    const port = await freePort();
    expect(await complaintOf({ ...options, port })).toBe(
      `PostgreSQL at 127.0.0.1:${port} refuses connections; start it, ` +
        "or correct --db-host and --db-port",
    );
    expect(warnings).toEqual(["waiting for PostgreSQL"]);
  });

  it("is not waited for under a name that nobody knows", async () => {
    const access = { ...options, host: "no-such-host.invalid", connectTimeoutMs: 60_000 };
    expect(await complaintOf(access)).toBe(
      'the database host "no-such-host.invalid" is unknown; correct --db-host, or the name server',
    );
  });

  it("is told by its socket", async () => {
    expect(await complaintOf({ ...options, host: "/no/such/directory", port: 5432 })).toBe(
      "PostgreSQL at /no/such/directory/.s.PGSQL.5432 refuses connections; start it, " +
        "or correct --db-host and --db-port",
    );
  });

  it("but something that never answers, is told", async () => {
    const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const why = await complaintOf({ ...options, port: silent.port, timeoutMs: 200 });
    silent.stop(true);
    expect(why).toBe(
      `PostgreSQL at 127.0.0.1:${silent.port} did not answer; ` +
        "correct --db-host and --db-port, or the firewall",
    );
  });

  it("but something that speaks otherwise, is told", async () => {
    const web = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("hello") });
    const why = await complaintOf({ ...options, port: web.port ?? 0, timeoutMs: 200 });
    expect(why).toStartWith(`PostgreSQL at 127.0.0.1:${web.port} did not answer`);
    await web.stop(true);
  });

  it("is not waited for once the process is told to stop", async () => {
    const stopped = AbortSignal.abort();
    const access = { ...options, port: await freePort(), connectTimeoutMs: 60_000 };
    await expect(connectPostgres(access, log, stopped)).rejects.toBeInstanceOf(StartError);
  });
});

describe("a server of our own", () => {
  let server: PostgresServer;
  let options: PostgresOptions;
  beforeAll(async () => {
    server = await startPostgres();
    options = optionsOf(await server.createDatabase(), { connectTimeoutMs: 300 });
  });
  afterAll(async () => await server.remove());

  it("that has no connection left is told", async () => {
    await server.query(`ALTER ROLE ${options.user} CONNECTION LIMIT 0`);
    const why = await complaintOf(options);
    await server.query(`ALTER ROLE ${options.user} CONNECTION LIMIT -1`);
    expect(why).toMatch(
      /^PostgreSQL at .* has no connection left \(.*\); lower --db-pool, or raise/,
    );
  });

  it("that is stopping, or starting, is waited for and told", async () => {
    const session = await connectPostgres(options, log);
    const postmaster = await pidOf(server);
    process.kill(postmaster, "SIGTERM"); // waits for the session
    const why = await complaintOf(options);
    expect(why).toMatch(
      /^PostgreSQL at .* is starting or stopping \(the database system is shutting down\); wait/,
    );
    await session.close();
    await server.stop();
  });

  it("is connected to as soon as it has started", async () => {
    await server.stop();
    warnings.length = 0;
    const connecting = connectPostgres({ ...options, connectTimeoutMs: 60_000 }, log);
    await server.start();
    const database = await connecting;
    expect(await database.query("read", "SELECT 1")).toHaveLength(1);
    expect(warnings).toEqual(["waiting for PostgreSQL"]);
    await database.close();
  });
});

describe("checkVersion", () => {
  const serverOf = (number: string, text: string): Database =>
    ({ query: async () => [{ number, text }] }) as unknown as Database;

  it("refuses what is older than 12, naming it", async () => {
    await expect(checkVersion(serverOf("110022", "11.22 (Debian)"))).rejects.toThrow(
      "PostgreSQL 11.22 (Debian) is too old; the registry needs PostgreSQL 12 or later",
    );
    await expect(checkVersion(serverOf("90624", "9.6.24"))).rejects.toBeInstanceOf(StartError);
  });

  it("takes 12 and what comes after", async () => {
    await checkVersion(serverOf("120000", "12.0"));
    await checkVersion(serverOf("180004", "18.4"));
  });
});

async function pidOf(server: PostgresServer): Promise<number> {
  const [row] = await server.query("SELECT current_setting('data_directory') AS path");
  const text = await Bun.file(`${String(row?.["path"])}/postmaster.pid`).text();
  return Number.parseInt(text, 10);
}
