import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { join } from "node:path";
import type { Database } from "../../src/storage/database.ts";
import { openPostgres } from "../../src/storage/postgres/open.ts";
import { optionsOf } from "../support/databases.ts";
import { hasPostgres } from "../support/postgres-binaries.ts";
import { startPostgres, type PostgresServer } from "../support/postgres.ts";
import { eventually } from "../support/registry.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { mebibyte, missingBlobs, randomBlob, upload, type Uploaded } from "./support/blobs.ts";
import type { Registry } from "./support/observation.ts";

const name = "mycelium_cdn_registry";

/** What docs/security.md has run: by a superuser, there and in the database, and by the owner. */
const [makeRoles = "", giveRights = "", divide = "", giveRemoval = ""] = await blocksBelow(
  "docs/security.md",
  "The database's roles",
);
const [makeOutside = "", makeInside = ""] = makeRoles.split(`\\c ${name}\n`);
/** What README has run for one user. */
const [makeOne = ""] = await blocksBelow("README.md", "Run it on PostgreSQL");
const [giveRekeying = ""] = await blocksBelow("docs/migrating.md", "Step by step");

async function blocksBelow(file: string, heading: string): Promise<string[]> {
  const page = await Bun.file(join(import.meta.dir, "../..", file)).text();
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const [own = ""] = section.split("\n## ");
  return Array.from(own.matchAll(/```sql\n([\s\S]*?)```/g), ([, text = ""]) => text);
}

/** One by one: a database is not made in a transaction with others. */
function statementsOf(text: string): string[] {
  const plain = text.replaceAll(/^--.*$/gm, "");
  return plain
    .split(";")
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
}

const passwordOf = (role: string): string => {
  const [, password] = new RegExp(`ROLE ${role} LOGIN PASSWORD '([^']+)'`).exec(makeRoles) ?? [];
  return password ?? "";
};

/** What a server has no use for. */
const beyond = [
  "DELETE FROM blobs",
  "UPDATE blobs SET hash = hash",
  "UPDATE blobs SET created_at = now()",
  "INSERT INTO blobs (hash, data, size, created_at) VALUES ('', '', 0, now())",
  "UPDATE blob_segments SET data = data",
  "INSERT INTO uploads (upload, touched_at) VALUES (md5('')::uuid, now())",
  "UPDATE uploads SET upload = upload",
  "INSERT INTO takedowns (hash, change) VALUES ('', 1)",
  "UPDATE takedowns SET lifted_at = now()",
  "DELETE FROM takedowns",
  "SELECT * FROM takedown_changes",
  "DELETE FROM quarantined_blobs",
  "INSERT INTO registry_migrations VALUES (99, 'x', 'x')",
  "DELETE FROM registry_migrations",
  "TRUNCATE uploads",
  "CREATE TABLE mine (n int)",
  "CREATE TEMP TABLE mine (n int)",
  "CREATE SCHEMA mine",
  "ALTER TABLE blobs ADD COLUMN mine int",
  "DROP TABLE uploads",
  "CREATE RULE mine AS ON INSERT TO blobs DO INSTEAD NOTHING",
];

async function expectDenied(database: Database): Promise<void> {
  for (const text of beyond) {
    const failure = await database.query("write", text).catch((error: unknown) => error);
    expect([text, String(failure)]).toEqual([
      text,
      expect.stringMatching(/permission denied|must be owner/),
    ]);
  }
}

const versions = (["debian-or-newest", "12"] as const).filter(hasPostgres);

describe.each(versions)("a server that may do what it needs, PostgreSQL %s", (version) => {
  let home: BinaryHome;
  let server: PostgresServer;
  let owner: Database;
  let registry: Registry | null = null;

  function databaseOf(user: string): Database {
    const { host, port } = server;
    const access = { user, password: passwordOf(user), name, host, port };
    return openPostgres(optionsOf({ ...access, drop: async () => {} }));
  }

  const flagsOf = (user: string): string[] => [
    "--db-url",
    `postgres://${user}:${passwordOf(user)}@${server.host}:${server.port}/${name}`,
  ];

  /** Has nothing in memory: what is asked for comes from the database. */
  async function start(...flags: string[]): Promise<Registry> {
    const own = ["--cache-size", "0", ...flagsOf("mycelium")];
    registry = await home.start([...anyPort, ...own, ...flags]);
    return registry;
  }

  const superuser = async (text: string) => await server.query(text, name);

  beforeAll(async () => {
    home = createBinaryHome();
    server = await startPostgres({ version });
    for (const statement of statementsOf(makeOutside)) await server.query(statement);
    for (const statement of statementsOf(makeInside)) await superuser(statement);
    const migrated = await home.run(["migrate", ...flagsOf("mycelium_owner")]);
    expect([migrated.exitCode, migrated.stdout]).toEqual([0, expect.stringContaining("0001")]);
    owner = databaseOf("mycelium_owner");
    for (const statement of statementsOf(giveRights)) await owner.query("write", statement);
  });

  afterEach(async () => {
    const said = registry?.stdout() ?? "";
    await registry?.kill("SIGKILL");
    registry = null;
    expect(said).not.toContain("permission denied");
  });

  afterAll(async () => {
    await owner.close();
    await home.remove();
    await server.remove();
  });

  /** A role that may connect, and what `rights` say; the URL to connect by. */
  async function newRole(role: string, rights: string): Promise<string> {
    await server.query(`CREATE ROLE ${role} LOGIN PASSWORD 'of-the-role'`);
    await server.query(`GRANT CONNECT ON DATABASE ${name} TO ${role}`);
    await superuser(`GRANT USAGE ON SCHEMA public TO ${role}; ${rights}`);
    return `postgres://${role}:of-the-role@${server.host}:${server.port}/${name}`;
  }

  const sizes = [0, 600, 2 * mebibyte, 2 * mebibyte + 1, 5 * mebibyte];

  async function uploadAll(api: string): Promise<Uploaded[]> {
    const uploaded: Uploaded[] = [];
    for (const size of sizes) uploaded.push(await upload(api, randomBlob(size)));
    return uploaded;
  }

  it("takes blobs of every size, known ones again, and gives them", async () => {
    const { api } = await start("--max-stored-bytes", "1GiB");
    const uploaded = await uploadAll(api());
    for (const { bytes } of uploaded) await upload(api(), bytes);
    expect(await missingBlobs(api(), uploaded)).toEqual([]);
    const [, small] = uploaded;
    const { hash = "", bytes = new Uint8Array() } = small ?? {};
    expect((await fetch(`${api()}/${hash}`, { method: "PUT", body: bytes })).status).toBe(200);
    expect((await fetch(`${api()}/${hash}`, { method: "HEAD" })).status).toBe(200);
    expect((await fetch(`${api()}/${hash.slice(0, 32)}`)).status).toBe(200);
    const asked = { method: "POST", body: JSON.stringify({ hashes: [hash, "0".repeat(64)] }) };
    const headers = { "Content-Type": "application/json" };
    const missing = await fetch(`${api()}/exists`, { ...asked, headers });
    expect(await missing.json()).toEqual({ missing: ["0".repeat(64)] });
    const ready = await fetch(new URL("/readyz", api()));
    expect(await ready.json()).toMatchObject({ checks: { quota: { status: "ok" } } });
  });

  it("repairs what has gone bad with the next upload of it", async () => {
    const { api } = await start();
    const uploaded = await uploadAll(api());
    // Bits turn in rows and segments; a row claims to be a large blob's; segments are lost.
    await superuser(
      "UPDATE blobs SET data = set_byte(data, 0, get_byte(data, 0) # 1) WHERE size = 600",
    );
    await superuser(
      "UPDATE blobs SET data = '', upload = '00000000-0000-4000-8000-000000000000' " +
        `WHERE size = ${2 * mebibyte}`,
    );
    await superuser("UPDATE blob_segments SET data = set_byte(data, 9, 0) WHERE n = 1");
    await superuser("UPDATE blob_segments SET data = set_byte(data, 8, 1) WHERE n = 1");
    await superuser("DELETE FROM blob_segments WHERE n = 2 AND length(data) = 1");
    expect((await missingBlobs(api(), uploaded)).length).toBeGreaterThan(2);
    for (const { bytes } of uploaded) await upload(api(), bytes);
    expect(await missingBlobs(api(), uploaded)).toEqual([]);
  });

  it("sweeps uploads that broke off, and finds segments that nobody has", async () => {
    const [abandoned, orphaned] = [crypto.randomUUID(), crypto.randomUUID()];
    await superuser(`INSERT INTO uploads VALUES ('${abandoned}', now() - interval '2 hours')`);
    await superuser(
      "INSERT INTO blob_segments SELECT upload::uuid, n, '', 'x' FROM generate_series(0, 99) n, " +
        `unnest(ARRAY['${abandoned}', '${orphaned}']) upload`,
    );
    await start();
    const found = async (text: string): Promise<number> => (await superuser(text)).length;
    await eventually(async () => {
      const left = await found(`SELECT 1 FROM blob_segments WHERE upload = '${abandoned}'`);
      return left + (await found(`SELECT 1 FROM uploads WHERE upload = '${abandoned}'`)) === 0;
    });
    const retired = `SELECT 1 FROM uploads WHERE upload = '${orphaned}'`;
    await eventually(async () => (await found(retired)) === 1);
  });

  it("hears of takedowns", async () => {
    const { api } = await start();
    const { hash } = await upload(api(), randomBlob(1000));
    const { exitCode } = await home.run(["delete", ...flagsOf("mycelium_owner"), hash]);
    expect(exitCode).toBe(0);
    await eventually(async () => (await fetch(`${api()}/${hash}`)).status === 451);
  });

  it("serves with --read-only by the right to read alone", async () => {
    const [toRead = ""] = statementsOf(giveRights);
    expect(toRead).toStartWith("GRANT SELECT ON ");
    const { hash } = await upload((await start()).api(), randomBlob(1000));
    await registry?.kill();
    const url = await newRole("reader", toRead.replace(/TO mycelium$/, "TO reader"));
    registry = await home.start([...anyPort, "--db-url", url, "--read-only"]);
    expect((await fetch(`${registry.api()}/${hash}`)).status).toBe(200);
  });

  it("serves by what docs/migrating.md gives to a role that rekeys, too", async () => {
    const url = await newRole("mycelium_serving", giveRekeying);
    registry = await home.start([...anyPort, "--db-url", url, "--max-stored-bytes", "1GiB"]);
    expect(await missingBlobs(registry.api(), await uploadAll(registry.api()))).toEqual([]);
  });

  it("looks at what is stored by verify and migrate --status", async () => {
    await superuser("TRUNCATE blobs, blob_segments, uploads");
    await uploadAll((await start()).api());
    const verified = await home.run(["verify", "--json", ...flagsOf("mycelium")]);
    expect([verified.exitCode, verified.stderr]).toEqual([
      0,
      expect.not.stringContaining("denied"),
    ]);
    for (const words of [["--status"], []]) {
      const { exitCode, stderr } = await home.run(["migrate", ...words, ...flagsOf("mycelium")]);
      expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining("denied")]);
    }
  });

  it("may do nothing else", async () => {
    const mycelium = databaseOf("mycelium");
    await expectDenied(mycelium);
    await mycelium.close();
  });

  it("may do no more in a database that it has had for itself before", async () => {
    const renamed = (text: string): string =>
      text
        .replaceAll("mycelium_owner", "divided_owner")
        .replaceAll(/\bmycelium\b/g, "divided")
        .replaceAll(name, "divided_database");
    const [outside = "", inside = ""] = renamed(makeOne).split("\\c divided_database\n");
    for (const statement of statementsOf(outside)) await server.query(statement);
    await server.query(inside, "divided_database");
    const { host, port } = server;
    const urlOf = (user: string, password: string): string =>
      `postgres://${user}:${password}@${host}:${port}/divided_database`;
    const flags = ["--db-url", urlOf("divided", "your-secure-password")];
    registry = await home.start([...anyPort, ...flags]);
    const uploaded = await uploadAll(registry.api());
    await registry.kill();
    for (const statement of statementsOf(renamed(divide))) {
      await server.query(statement, "divided_database");
    }
    const access = { password: passwordOf("mycelium_owner"), name: "divided_database", host, port };
    const drop = async (): Promise<void> => {};
    const divided = openPostgres(optionsOf({ ...access, user: "divided_owner", drop }));
    for (const text of statementsOf(renamed(giveRights))) await divided.query("write", text);
    await divided.close();
    registry = await home.start([...anyPort, ...flags]);
    expect(await missingBlobs(registry.api(), uploaded)).toEqual([]);
    await uploadAll(registry.api());
    const own = { ...access, user: "divided", password: "your-secure-password", drop };
    const database = openPostgres(optionsOf(own));
    await expectDenied(database);
    await database.close();
  });

  describe("what needs more says what", () => {
    async function failure(...words: string[]): Promise<string> {
      const { exitCode, stderr } = await home.run([...words, ...flagsOf("mycelium")]);
      expect(exitCode).toBe(1);
      const [line = "", ...more] = stderr
        .trimEnd()
        .split("\n")
        .filter((text) => !text.startsWith("{"));
      expect(more).toEqual([]);
      return line.replace("registry: ", "");
    }

    const denied = (table: string): string =>
      `user "mycelium" lacks a right in database "${name}" (permission denied for table ` +
      `${table}); run this as the user that owns the tables, or as a superuser run there: GRANT `;

    it("of a takedown", async () => {
      expect(await failure("delete", "0".repeat(64))).toStartWith(denied("takedown_changes"));
    });

    it("of a quarantine", async () => {
      await upload((await start()).api(), randomBlob(700));
      await registry?.kill();
      await superuser("UPDATE blobs SET data = 'bad' WHERE size = 700");
      expect(await failure("verify", "--quarantine")).toStartWith(denied("quarantined_blobs"));
      await superuser("DELETE FROM blobs WHERE size = 700");
    });

    it("of rekeying", async () => {
      const key = "decode('af1349b9f5f9a1a6a0404dea36dcc949', 'hex')"; // of the empty blob
      await superuser(`INSERT INTO blobs (hash, data, size) VALUES (${key}, '', 0)`);
      await superuser("DELETE FROM blobs WHERE size = 0 AND length(hash) = 32");
      expect(await failure("migrate", "--rekey")).toStartWith(denied("blobs"));
      await superuser("DELETE FROM blobs WHERE size = 0");
    });

    it("of a migration that is pending, at the start and by command", async () => {
      await superuser("DELETE FROM registry_migrations WHERE version = 3");
      await superuser("DROP TABLE takedowns, takedown_changes");
      for (const words of [["serve", ...anyPort], ["migrate"], ["verify", "--quarantine"]]) {
        expect(await failure(...words)).toBe(
          'the database lacks 0003-takedowns, and user "mycelium" may not change its tables ' +
            "(permission denied for schema public); run registry migrate as the user that owns " +
            "them",
        );
      }
      const migrated = await home.run(["migrate", ...flagsOf("mycelium_owner")]);
      expect(migrated.exitCode).toBe(0);
      for (const statement of statementsOf(giveRights)) await owner.query("write", statement);
      await (await start()).kill();
    });
  });

  it("removes what is uploaded during a takedown with the rights for that alone", async () => {
    const told = (text: string) => () =>
      registry?.lines().some(({ message }) => String(message).includes(text)) === true;
    const bytes = randomBlob(1000);
    const { hash } = await upload((await start()).api(), bytes);
    await registry?.kill();
    await home.run(["delete", ...flagsOf("mycelium_owner"), hash]);
    const insert = `INSERT INTO blobs (hash, data, size) VALUES ('\\x${hash}', 'late', 4)`;
    await superuser(insert); // as a registry that has not heard of it would
    await start();
    await eventually(told("could not be removed"));
    expect((await fetch(`${registry?.api()}/${hash}`)).status).toBe(451);
    await registry?.kill("SIGKILL");
    for (const statement of statementsOf(giveRemoval)) await owner.query("write", statement);
    await start();
    await eventually(told("stored bytes of taken-down keys removed"));
    expect(await superuser(`SELECT 1 FROM blobs WHERE hash = '\\x${hash}'`)).toEqual([]);
  });
});
