import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "bun:test";
import { RegistryError } from "../../../src/domain/errors.ts";
import type { Database } from "../../../src/storage/database.ts";
import { driverFailureOf, toRegistryError } from "../../../src/storage/postgres/errors.ts";
import { openPostgres } from "../../../src/storage/postgres/open.ts";
import { createSqlBlobStore } from "../../../src/storage/sql-blob-store.ts";
import { randomBlob } from "../../support/blobs.ts";
import { openOwnPostgres, optionsOf } from "../../support/databases.ts";
import { codeRejectedBy } from "../../support/error-code.ts";
import { freeze } from "../../support/frozen-postgres.ts";
import { type PostgresServer, startPostgres, type TestDatabase } from "../../support/postgres.ts";
import { eventually } from "../../support/registry.ts";
import { lockTable } from "../../support/table-lock.ts";

const timeoutMs = 400;

describe("a server in trouble", () => {
  let server: PostgresServer;
  let target: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    server = await startPostgres();
    const own = await openOwnPostgres(server);
    ({ target } = own);
    await own.database.close();
  });
  afterAll(async () => await server.remove());
  beforeEach(() => {
    database = openPostgres(optionsOf(target, { timeoutMs }));
  });
  afterEach(async () => await database.close());

  async function expectServes() {
    const store = createSqlBlobStore(database);
    const blob = randomBlob(10);
    expect(await store.putMany([blob])).toEqual([{ created: true }]);
    expect(await store.statMany([blob.hash])).not.toEqual([null]);
    const upload = await store.beginUpload();
    await upload.abort();
  }

  async function expectFails(code: string) {
    const store = createSqlBlobStore(database);
    const blob = randomBlob(10);
    const calls = [store.readMany([blob.hash]), store.putMany([blob]), store.beginUpload()];
    expect(await Promise.all(calls.map(codeRejectedBy))).toEqual([code, code, code]);
  }

  it.each(["fast", "immediate"] as const)(
    "is out after a stop (%s), and used again",
    async (mode) => {
      await expectServes();
      await server.stop(mode);
      await eventually(async () => {
        const code = await codeRejectedBy(database.query("read", "SELECT 1"));
        return code === "database_unavailable";
      });
      await expectFails("database_unavailable");
      await server.start();
      await eventually(
        async () => (await codeRejectedBy(database.query("read", "SELECT 1"))) === "none",
      );
      await expectServes();
    },
  );

  it.each(["57P01", "no notice"])(
    "kills a session in the midst of a statement: %s",
    async (how) => {
      const call = codeRejectedBy(database.query("read", "SELECT pg_sleep(30)"));
      const sleeper =
        "FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)' AND state = 'active'";
      await eventually(async () => (await server.query(`SELECT pid ${sleeper}`)).length > 0);
      const [row] = await server.query(`SELECT pid ${sleeper}`);
      if (how === "57P01") await server.query(`SELECT pg_terminate_backend(pid) ${sleeper}`);
      else process.kill(Number(row?.["pid"]), "SIGKILL");
      expect(await call).toBe("database_unavailable");
      // After a crash PostgreSQL ends every session, and recovers.
      await eventually(
        async () => (await codeRejectedBy(database.query("read", "SELECT 1"))) === "none",
      );
      await eventually(
        async () => (await codeRejectedBy(database.query("write", "SELECT 1"))) === "none",
      );
      await eventually(
        async () => (await codeRejectedBy(database.query("stream", "SELECT 1"))) === "none",
      );
      await expectServes();
    },
  );

  it("rolls back a transaction whose session is killed", async () => {
    const { hash } = randomBlob(31);
    const work = database.transaction("write", async (query) => {
      await query("INSERT INTO blobs (hash, data, size) VALUES ($1, $2, 1)", [hash, hash]);
      const [row] = await query("SELECT pg_backend_pid() AS pid");
      await server.query(`SELECT pg_terminate_backend(${Number(row?.["pid"])})`);
      await query("SELECT 1");
    });
    expect(await codeRejectedBy(work)).toBe("database_unavailable");
    expect(await createSqlBlobStore(database).statMany([hash])).toEqual([null]);
  });

  it("holds a lock longer than the deadline", async () => {
    await expectServes();
    const lock = await lockTable(server, target, "blobs");
    const { hash } = randomBlob(31);
    expect(await codeRejectedBy(createSqlBlobStore(database).readMany([hash]))).toBe(
      "database_timeout",
    );
    expect(await codeRejectedBy(createSqlBlobStore(database).putMany([randomBlob(31)]))).toBe(
      "database_timeout",
    );
    await lock.release();
    await expectServes();
  });

  it("ends a statement that runs longer than the deadline", async () => {
    expect(await codeRejectedBy(database.query("read", "SELECT pg_sleep(30)"))).toBe(
      "database_timeout",
    );
    const work = database.transaction("write", async (query) => await query("SELECT pg_sleep(30)"));
    expect(await codeRejectedBy(work)).toBe("database_timeout");
    await expectServes();
  });

  it("that says nothing at all is given up by our own clock", async () => {
    await expectServes();
    const thaw = await freeze(server);
    await expectFails("database_timeout");
    thaw();
    await eventually(
      async () => (await codeRejectedBy(database.query("read", "SELECT 1"))) === "none",
    );
    await expectServes();
  });

  it("is read-only", async () => {
    await server.query(`ALTER ROLE ${target.user} SET default_transaction_read_only = on`);
    const standby = openPostgres(optionsOf(target, { timeoutMs }));
    const store = createSqlBlobStore(standby);
    expect(await codeRejectedBy(store.putMany([randomBlob(31)]))).toBe("database_unavailable");
    expect(await codeRejectedBy(store.beginUpload())).toBe("database_unavailable");
    expect(await store.readMany([randomBlob(31).hash])).toEqual([null]);
    await standby.close();
    await server.query(`ALTER ROLE ${target.user} RESET default_transaction_read_only`);
  });

  it("lets no more connections in", async () => {
    await server.query(`ALTER ROLE ${target.user} CONNECTION LIMIT 0`);
    await expectFails("database_unavailable");
    await server.query(`ALTER ROLE ${target.user} CONNECTION LIMIT -1`);
    await expectServes();
  });

  it("takes our password no more", async () => {
    await server.query(`ALTER ROLE ${target.user} PASSWORD 'another'`);
    await expectFails("database_unavailable");
    await server.query(`ALTER ROLE ${target.user} PASSWORD '${target.password}'`);
    await expectServes();
  });

  it("answers once it is closed that it is out", async () => {
    await database.close();
    expect(await codeRejectedBy(database.query("read", "SELECT 1"))).toBe("database_unavailable");
    const work = database.transaction("write", async (query) => await query("SELECT 1"));
    expect(await codeRejectedBy(work)).toBe("database_unavailable");
  });

  it("gives our own mistakes back as they are", async () => {
    for (const text of ["SELEC", "SELECT * FROM nowhere"]) {
      const failure: unknown = await database.query("read", text).catch((error: unknown) => error);
      expect(failure).not.toBeInstanceOf(RegistryError);
      expect(driverFailureOf(failure)?.sqlState).toStartWith("42");
    }
  });
});

describe("toRegistryError", () => {
  const thrown = (code: string, errno?: string) => Object.assign(new Error("why"), { code, errno });
  const codeFrom = (code: string, sqlState?: string): unknown => {
    const failure = toRegistryError(thrown(code, sqlState), 5000);
    return failure instanceof RegistryError ? failure.code : "as it is";
  };

  it.each([
    ["57014", "database_timeout"],
    ["55P03", "database_timeout"],
    ["53100", "storage_full"],
    ["53200", "database_unavailable"],
    ["53300", "database_unavailable"],
    ["57P01", "database_unavailable"],
    ["57P02", "database_unavailable"],
    ["57P03", "database_unavailable"],
    ["08006", "database_unavailable"],
    ["25006", "database_unavailable"],
    ["25P02", "as it is"],
    ["25P03", "database_unavailable"],
    ["40001", "database_unavailable"],
    ["40P01", "database_unavailable"],
    ["28P01", "database_unavailable"],
    ["3D000", "database_unavailable"],
    ["23505", "as it is"],
    ["42P01", "as it is"],
  ])("makes SQLSTATE %s %s", (sqlState, code) => {
    expect(codeFrom("ERR_POSTGRES_SERVER_ERROR", sqlState)).toBe(code);
  });

  it("takes a connection that broke for a database that is out", () => {
    for (const code of ["CLOSED", "REFUSED", "TIMEOUT"]) {
      expect(codeFrom(`ERR_POSTGRES_CONNECTION_${code}`)).toBe("database_unavailable");
    }
    expect(codeFrom("ERR_POSTGRES_SYNTAX_ERROR")).toBe("as it is");
  });

  it("takes a certificate that is not accepted any more for a database that is out", () => {
    for (const code of ["CERT_HAS_EXPIRED", "DEPTH_ZERO_SELF_SIGNED_CERT"]) {
      expect(codeFrom(code)).toBe("database_unavailable");
    }
    expect(codeFrom("ENOENT")).toBe("as it is");
  });

  it.each([
    ["ERR_POSTGRES_CONNECTION_REFUSED", undefined, "refuses connections"],
    ["ERR_POSTGRES_CONNECTION_CLOSED", undefined, "closed the connection"],
    ["ERR_POSTGRES_SERVER_ERROR", "25006", "may only be read"],
    ["ERR_POSTGRES_SERVER_ERROR", "53300", "has no connection left"],
    ["ERR_POSTGRES_SERVER_ERROR", "28P01", "does not let the registry in"],
    ["ERR_POSTGRES_SERVER_ERROR", "08006", "is not available"],
  ])("says what is the matter: %s %s", (code, sqlState, why) => {
    const cause = Object.assign(new Error('user "geheim"'), { code, errno: sqlState });
    expect(toRegistryError(cause, 1)).toMatchObject({
      message: `The database ${why} at the moment; try again later.`,
    });
  });

  it("keeps the cause, and lets alone what is told already or is none of the driver's", () => {
    const cause = thrown("ERR_POSTGRES_CONNECTION_CLOSED");
    expect(toRegistryError(cause, 1)).toHaveProperty("cause", cause);
    const told = new RegistryError("upload_expired", "told");
    expect(toRegistryError(told, 1)).toBe(told);
    const bug = new Error("a bug");
    expect(toRegistryError(bug, 1)).toBe(bug);
  });
});
