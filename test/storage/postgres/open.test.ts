import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import type { Database } from "../../../src/storage/database.ts";
import { poolShares } from "../../../src/storage/postgres/pools.ts";
import { openOwnPostgres, optionsOf } from "../../support/databases.ts";
import { codeRejectedBy } from "../../support/error-code.ts";
import { sharedPostgres, type TestDatabase } from "../../support/postgres.ts";

describe("an open PostgreSQL", () => {
  let target: TestDatabase;
  let database: Database;
  let remove: () => Promise<void>;
  beforeAll(async () => {
    ({ target, database, remove } = await openOwnPostgres(await sharedPostgres(), {
      timeoutMs: 1000,
    }));
  });
  afterAll(async () => await remove());

  it("sets its deadlines and its name in every session", async () => {
    const names = ["statement_timeout", "lock_timeout", "application_name", "jit"];
    const [row] = await database.query(
      "health",
      `SELECT ${names.map((name) => `current_setting('${name}') AS ${name}`).join(", ")}`,
    );
    expect(row).toEqual({
      statement_timeout: "1s",
      lock_timeout: "1s",
      application_name: "mycelium-cdn-registry",
      jit: "off",
    });
  });

  it("answers in one lane while another is busy", async () => {
    const slow = Array.from({ length: 8 }, () =>
      codeRejectedBy(database.query("stream", "SELECT pg_sleep(30)")),
    );
    let isSlowOver = false;
    void Promise.all(slow).then(() => (isSlowOver = true));
    for (const lane of ["read", "write", "health"] as const) {
      expect(await database.query(lane, "SELECT 1 AS one")).toHaveLength(1);
    }
    expect(isSlowOver).toBe(false);
    expect(new Set(await Promise.all(slow))).toEqual(new Set(["database_timeout"]));
  });

  it("takes a connection back from a transaction that idles", async () => {
    const held = Promise.withResolvers<void>();
    const holding = Array.from({ length: poolShares(8).write }, async () => {
      const work = database.transaction("write", async () => await held.promise);
      return await codeRejectedBy(work);
    });
    const waiting = database.transaction("write", async (query) => await query("SELECT 1"));
    expect(await waiting).toHaveLength(1);
    held.resolve();
    expect(new Set(await Promise.all(holding))).toEqual(new Set(["database_unavailable"]));
  });

  it("rolls back what a transaction did when its work throws", async () => {
    const work = database.transaction("write", async (query) => {
      await query("INSERT INTO uploads (upload) VALUES ($1)", [crypto.randomUUID()]);
      throw new Error("no");
    });
    await expect(work).rejects.toThrow("no");
    expect(await database.query("read", "SELECT upload FROM uploads")).toHaveLength(0);
  });

  it("is not led elsewhere by the variables of libpq or of Bun", async () => {
    const child = Bun.spawn([process.execPath, "-e", askWhere, JSON.stringify(optionsOf(target))], {
      env: { ...process.env, ...misleading },
      stdout: "pipe",
      stderr: "pipe",
    });
    const said = await child.stdout.text();
    expect(await child.stderr.text()).toBe("");
    expect(JSON.parse(said)).toEqual({
      name: target.name,
      person: target.user,
      port: target.port,
      ssl: false,
      timeout: "20s",
    });
  });
});

const misleading = {
  DATABASE_URL: "postgres://nobody:wrong@127.0.0.1:1/nowhere",
  POSTGRES_URL: "postgres://nobody:wrong@127.0.0.1:1/nowhere",
  PGURL: "postgres://nobody:wrong@127.0.0.1:1/nowhere",
  PGHOST: "127.0.0.2",
  PGPORT: "1",
  PGUSER: "nobody",
  PGPASSWORD: "wrong",
  PGDATABASE: "nowhere",
  PGSSLMODE: "require",
  PGOPTIONS: "-c statement_timeout=7",
};

const source = new URL("../../../src/storage/postgres/open.ts", import.meta.url).href;
const askWhere =
  `import { openPostgres } from "${source}";` +
  "const database = openPostgres(JSON.parse(process.argv.at(-1)));" +
  "const [row] = await database.query('read', 'SELECT current_database()::text AS name, " +
  "current_user::text AS person, inet_server_port() AS port, current_setting($1) AS timeout, " +
  "(SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS ssl', ['statement_timeout']);" +
  "console.log(JSON.stringify(row)); await database.close();";
