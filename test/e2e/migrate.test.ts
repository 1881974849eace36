import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { join } from "node:path";
import type { NewBlob } from "../../src/domain/blob-store.ts";
import { toHex } from "../../src/domain/bytes.ts";
import type { Database } from "../../src/storage/database.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { openPostgres } from "../../src/storage/postgres/open.ts";
import { openSqlite } from "../../src/storage/sqlite/open.ts";
import { randomBlob, shortKey } from "../support/blobs.ts";
import { flipped, insertRow, overwriteRow } from "../support/damage.ts";
import { optionsOf, serverOf } from "../support/databases.ts";
import {
  legacyForms,
  legacyStatements,
  makeLegacyDatabase,
  rowVersions,
} from "../support/legacy-database.ts";
import { hasPostgres } from "../support/postgres-binaries.ts";
import { databaseFlags, type TestDatabase } from "../support/postgres.ts";

import { vectors } from "../support/vectors.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { startReading } from "./support/reading.ts";
import { migrationNames } from "../support/schema.ts";

let home: BinaryHome;
beforeAll(() => {
  home = createBinaryHome();
});
afterAll(async () => await home.remove());

/** What `migrate` says with `--json`, line by line, and how it ended. */
async function migrateJson(words: readonly string[], flags: readonly string[]) {
  const ended = await home.run(["migrate", ...words, "--json", ...flags]);
  const lines = ended.stdout.split("\n").filter((line) => line !== "");
  return { ...ended, said: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

async function keysOf16Bytes(flags: readonly string[]): Promise<number> {
  const { said } = await migrateJson(["--status"], flags);
  const { blobs } = said[0] as { readonly blobs: { readonly keys_of_16_bytes: number } };
  return blobs.keys_of_16_bytes;
}

/** Stores many small blobs under their first 16 bytes. */
async function insertShort(database: Database, count: number): Promise<readonly NewBlob[]> {
  const blobs = Array.from({ length: count }, () => randomBlob(300));
  for (let first = 0; first < count; first += 500) {
    await database.transaction("write", async (query) => {
      const part = blobs.slice(first, first + 500);
      const rows = part.map((_, n) => `($${2 * n + 1}, $${2 * n + 2}, 300)`).join(", ");
      const params = part.flatMap(({ hash, data }) => [shortKey(hash), data]);
      await query(`INSERT INTO blobs (hash, data, size) VALUES ${rows}`, params);
    });
  }
  return blobs;
}

/** Runs `--rekey` and kills it in its midst, until one run comes to its end. */
async function rekeyWithKills(flags: readonly string[], afterEach: () => Promise<void>) {
  let killed = 0;
  for (;;) {
    const before = await keysOf16Bytes(flags);
    const run = home.launch(["migrate", "--rekey", ...flags]);
    const isOver = await Promise.race([run.ended.then(() => true), moved(flags, before)]);
    if (isOver) return { killed, exitCode: await run.ended };
    await run.kill("SIGKILL");
    killed += 1;
    await afterEach();
  }
}

/** Resolves once fewer rows are kept under 16 bytes than there were. */
async function moved(flags: readonly string[], before: number): Promise<false> {
  while ((await keysOf16Bytes(flags)) === before);
  return false;
}

describe.each((["debian-or-newest", "12"] as const).filter(hasPostgres))(
  "a Rust registry's database in PostgreSQL %s",
  (version) => {
    let target: TestDatabase;
    let database: Database;
    let flags: string[];
    async function begin() {
      target = await (await serverOf(version)).createDatabase();
      database = openPostgres(optionsOf(target));
      flags = databaseFlags(target);
    }
    async function end() {
      await database.close();
      await target.drop();
    }

    const loads = async (key: Uint8Array<ArrayBuffer>): Promise<boolean> =>
      (await database.query("read", legacyStatements.load, [key])).length === 1;

    it.each(legacyForms)(
      "with %s is looked at, adopted, read by both keys before, during and after --rekey",
      async (form) => {
        await begin();
        await makeLegacyDatabase(database, form);
        const before = await rowVersions(database);
        const [first] = (await migrateJson(["--status"], flags)).said;
        expect(first).toMatchObject({
          migrations: { applied: [], pending: migrationNames },
          blobs: { total: form === "both" ? 5 : 4, other_keys: 0 },
        });
        expect(await rowVersions(database)).toEqual(before);

        const registry = await home.start([...anyPort, ...flags, "--cache-size", "0"]);
        expect(await rowVersions(database)).toEqual(before);
        const others = await insertShort(database, 3000);
        const reading = startReading(registry.api(), [...vectors, ...others.slice(0, 20)]);
        await reading.rounds(1);
        const { exitCode, said } = await migrateJson(["--rekey"], flags);
        await reading.rounds(1);
        expect(await reading.stop()).toEqual([]);
        const short = { "32-byte keys": 0, "16-byte keys": 4, both: 3 }[form];
        const merged = form === "both" ? 1 : 0;
        const rekeyed = 3000 + short - merged;
        expect({ exitCode, said }).toEqual({
          exitCode: 0,
          said: [{ rekeyed, merged, repaired: 0, bad: 0 }],
        });
        expect(await keysOf16Bytes(flags)).toBe(0);
        await registry.kill();
        await end();
      },
    );

    it("is what the guide says it is to Rust registries, which may store blobs again", async () => {
      await begin();
      await makeLegacyDatabase(database, "16-byte keys");
      const [vector = randomBlob(1)] = vectors;
      const short = shortKey(vector.hash);
      expect([await loads(short), await loads(vector.hash)]).toEqual([true, false]);
      expect((await home.run(["migrate", "--rekey", ...flags])).exitCode).toBe(0);
      expect([await loads(short), await loads(vector.hash)]).toEqual([false, true]);
      const again = [short, vector.data, vector.data.length];
      await database.query("write", legacyStatements.store, again);
      expect((await migrateJson(["--rekey"], flags)).said).toEqual([
        { rekeyed: 0, merged: 1, repaired: 0, bad: 0 },
      ]);
      await end();
    });

    it("can be given back by the guide's statements, and taken over again", async () => {
      await begin();
      await makeLegacyDatabase(database, "both");
      const registry = await home.start([...anyPort, ...flags]);
      const uploaded = randomBlob(100);
      const form = new FormData();
      form.set("data", new Blob([uploaded.data]));
      expect((await fetch(registry.api(), { method: "POST", body: form })).status).toBe(200);
      await registry.kill();
      await home.run(["migrate", "--rekey", ...flags]);
      const guide = await Bun.file(join(import.meta.dir, "../../docs/migrating.md")).text();
      const back = guide.slice(guide.indexOf("## The way back"));
      const [shorten = "", undo = ""] = [...back.matchAll(/```sql\n(.*?)```/gs)].map((m) => m[1]);
      const server = await serverOf(version);
      await server.query(shorten, target.name);
      for (const { hash } of [...vectors, uploaded]) {
        expect([await loads(shortKey(hash)), await loads(hash)]).toEqual([true, false]);
      }
      await server.query(undo, target.name);
      expect(await keysOf16Bytes(flags)).toBe(5);
      const second = await home.start([...anyPort, ...flags]);
      const reading = startReading(second.api(), [...vectors, uploaded]);
      await reading.rounds(1);
      expect(await reading.stop()).toEqual([]);
      await second.kill();
      await end();
    });

    it("loses nothing when --rekey is killed again and again, under a registry", async () => {
      await begin();
      await makeLegacyDatabase(database, "both");
      const blobs = await insertShort(database, 20_000);
      const registry = await home.start([...anyPort, ...flags, "--cache-size", "0"]);
      const reading = startReading(registry.api(), [...vectors, ...blobs.slice(0, 10)]);
      const { killed, exitCode } = await rekeyWithKills(flags, async () => await reading.rounds(1));
      expect(exitCode).toBe(0);
      expect(killed).toBeGreaterThan(0);
      await reading.rounds(1);
      expect(await reading.stop()).toEqual([]);
      const [row] = await database.query(
        "read",
        "SELECT count(*) AS total, min(length(hash)) AS least FROM blobs",
      );
      expect([Number(row?.["total"]), row?.["least"]]).toEqual([20_004, 32]);
      await registry.kill();
      await end();
    });

    it("is rekeyed by two at once", async () => {
      await begin();
      await makeLegacyDatabase(database, "16-byte keys");
      await insertShort(database, 3000);
      await home.run(["migrate", ...flags]);
      const runs = [1, 2].map(async () => await migrateJson(["--rekey"], flags));
      const ended = await Promise.all(runs);
      expect(ended.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
      const rekeyed = ended.map(({ said }) => Number(said[0]?.["rekeyed"]));
      expect(rekeyed.reduce((sum, count) => sum + count)).toBe(3004);
      await end();
    });

    it("has its bad rows reported, one a line, and left", async () => {
      await begin();
      await makeLegacyDatabase(database, "16-byte keys");
      const [good = randomBlob(1), bad = randomBlob(1)] = vectors;
      await overwriteRow(database, shortKey(bad.hash), flipped(bad.data));
      const key = toHex(shortKey(bad.hash));
      const { exitCode, stdout, stderr } = await home.run(["migrate", "--rekey", ...flags]);
      expect(exitCode).toBe(1);
      expect(stdout).toMatch(
        new RegExp(
          `^bad ${key}: its bytes hash to [0-9a-f]{64}\n` +
            "rekeyed 3, merged 0 \\(repaired 0\\), bad 1, left as they are\n$",
        ),
      );
      expect(JSON.parse(stderr)).toMatchObject({ message: "database migrated" });
      const again = await migrateJson(["--rekey"], flags);
      expect(again).toMatchObject({ exitCode: 1, stderr: "" });
      expect(again.said).toEqual([
        { key, why: expect.stringContaining("its bytes hash to") },
        { rekeyed: 0, merged: 0, repaired: 0, bad: 1 },
      ]);
      expect([await loads(good.hash), await loads(shortKey(bad.hash))]).toEqual([true, true]);
      await end();
    });
  },
);

describe("an embedded store", () => {
  async function makeStore(count: number) {
    const directory = home.newDirectory();
    const database = await openSqlite({ directory });
    await migrate(database);
    for (const { hash, data } of vectors) await insertRow(database, shortKey(hash), { data });
    const blobs = await insertShort(database, count);
    await database.close();
    return { directory, flags: ["--embedded", directory], blobs };
  }

  it("tells its status while a registry runs on it, and is not rekeyed then", async () => {
    const { directory, flags } = await makeStore(0);
    const registry = await home.start([...anyPort, ...flags]);
    const status = await home.run(["migrate", "--status", ...flags]);
    expect(status).toMatchObject({ exitCode: 0, stderr: "" });
    expect(status.stdout).toMatch(/^migrations pending +none$/m);
    expect(status.stdout).toMatch(/^blobs under 16 bytes +4$/m);
    const refused = await home.run(["migrate", "--rekey", ...flags]);
    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toStartWith(`registry: another process is using ${directory}; `);
    await registry.kill();
    expect((await home.run(["migrate", "--rekey", ...flags])).exitCode).toBe(0);
    expect(await keysOf16Bytes(flags)).toBe(0);
  });

  it("loses nothing when --rekey is killed, again and again", async () => {
    const { flags, blobs } = await makeStore(20_000);
    const { killed, exitCode } = await rekeyWithKills(flags, async () => {});
    expect(exitCode).toBe(0);
    expect(killed).toBeGreaterThan(0);
    expect((await migrateJson(["--status"], flags)).said).toMatchObject([
      { blobs: { total: 20_004, keys_of_32_bytes: 20_004 } },
    ]);
    const registry = await home.start([...anyPort, ...flags]);
    const reading = startReading(registry.api(), [...vectors, ...blobs.slice(0, 200)]);
    await reading.rounds(1);
    expect(await reading.stop()).toEqual([]);
    await registry.kill();
  });

  it("is brought up to date by migrate alone, which says what ran", async () => {
    const flags = ["--embedded", join(home.newDirectory(), "data")];
    const first = await home.run(["migrate", ...flags]);
    const stdout = migrationNames.map((name) => `applied ${name}\n`).join("");
    expect(first).toEqual({ exitCode: 0, stdout, stderr: "" });
    const second = await home.run(["migrate", ...flags]);
    expect(second).toEqual({ exitCode: 0, stdout: "nothing is pending\n", stderr: "" });
  });

  it("is neither looked at nor rekeyed when both are asked for", async () => {
    const flags = ["--embedded", join(home.newDirectory(), "data")];
    const refused = await home.run(["migrate", "--status", "--rekey", ...flags]);
    expect(refused).toMatchObject({ exitCode: 2, stdout: "" });
    expect(refused.stderr).toStartWith("registry: --status and --rekey exclude each other");
  });

  it("shows on a terminal how far it is, and leaves nothing of that behind", async () => {
    const { flags } = await makeStore(5000);
    let shown = "";
    const child = Bun.spawn([home.binary, "migrate", "--rekey", ...flags], {
      env: { PATH: process.env["PATH"] },
      terminal: {
        cols: 80,
        data: (_, bytes) => {
          shown += Buffer.from(bytes).toString();
        },
      },
    });
    expect(await child.exited).toBe(0);
    const drawn = shown.split("\r\u001b[2K");
    expect(drawn.length).toBeGreaterThan(2);
    expect(drawn[1]).toMatch(/^rekeying {2}\[#*-*\] +\d+ % {2}\d+ rekeyed$/);
    expect(drawn.at(-1)).toBe("rekeyed 5004, merged 0 (repaired 0), bad 0\r\n");
  });
});
