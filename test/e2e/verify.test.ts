import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import type { NewBlob } from "../../src/domain/blob-store.ts";
import { bytesEqual, toHex } from "../../src/domain/bytes.ts";
import { createCounters } from "../../src/domain/counters.ts";
import type { Database } from "../../src/storage/database.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { openPostgres } from "../../src/storage/postgres/open.ts";
import { openSqlite } from "../../src/storage/sqlite/open.ts";
import { createSqlBlobStore } from "../../src/storage/sql-blob-store.ts";
import { verified } from "../../src/storage/verified.ts";
import {
  hashing,
  type LargeBlob,
  randomBlob,
  randomLargeBlob,
  uploadLarge,
} from "../support/blobs.ts";
import { flipped, orphanCount, overwriteRow } from "../support/damage.ts";
import { largeDamages } from "../support/damages.ts";
import { optionsOf } from "../support/databases.ts";
import { databaseFlags, sharedPostgres } from "../support/postgres.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";

let home: BinaryHome;
beforeAll(() => {
  home = createBinaryHome();
});
afterAll(async () => await home.remove());

interface Place {
  readonly flags: readonly string[];
  /** Runs work on the database; of an embedded store nobody else may use it then. */
  work<T>(work: (database: Database) => Promise<T>): Promise<T>;
  remove(): Promise<void>;
}

const places: readonly (readonly [string, () => Promise<Place>])[] = [
  [
    "an embedded store",
    async () => {
      const directory = home.newDirectory();
      return {
        flags: ["--embedded", directory],
        async work(work) {
          const database = await openSqlite({ directory });
          await migrate(database);
          const result = await work(database);
          await database.close();
          return result;
        },
        remove: async () => {},
      };
    },
  ],
  [
    "PostgreSQL",
    async () => {
      const target = await (await sharedPostgres()).createDatabase();
      return {
        flags: databaseFlags(target),
        async work(work) {
          const database = openPostgres(optionsOf(target));
          await migrate(database);
          const result = await work(database);
          await database.close();
          return result;
        },
        remove: target.drop,
      };
    },
  ],
];

/** What `verify` says with `--json`, line by line, and how it ended. */
async function verifyJson(flags: readonly string[], words: readonly string[] = []) {
  const { exitCode, stdout } = await home.run(["verify", "--json", ...words, ...flags]);
  const said = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { exitCode, bad: said.slice(0, -1), report: said.at(-1) };
}

async function send(api: string, { data }: Pick<NewBlob, "data">) {
  const body = new FormData();
  body.set("data", new Blob([data]));
  const response = await fetch(api, { method: "POST", body });
  return (await response.json()) as { readonly created: boolean };
}

describe.each([...places])("registry verify on %s", (_, open) => {
  it("tells what is bad, takes it away, and an upload brings it back", async () => {
    const place = await open();
    const small = Array.from({ length: 300 }, (_blob, n) => randomBlob(50 + n));
    const large = largeDamages.map(() => randomLargeBlob());
    const bad: { hash: NewBlob["hash"]; data: NewBlob["data"] }[] = small.slice(0, 5);
    await place.work(async (database) => {
      const store = verified(createSqlBlobStore(database), { hashing, counters: createCounters() });
      await store.putMany(small.slice(0, 128));
      await store.putMany(small.slice(128, 256));
      await store.putMany(small.slice(256));
      for (const blob of large) await uploadLarge(store, blob);
      for (const { hash, data } of bad) await overwriteRow(database, hash, flipped(data));
      for (const [n, damage] of largeDamages.entries()) {
        const blob = large[n] as LargeBlob;
        await damage.do(database, blob);
        if (damage.isServed !== true) bad.push(blob);
      }
    });
    const registry = await home.start([...anyPort, ...place.flags]);
    const count = bad.length + 1;
    const first = await verifyJson(place.flags);
    expect(first.exitCode).toBe(1);
    expect(first.report).toMatchObject({ rows: 300 + large.length, bad: count, quarantined: 0 });
    const keys = first.bad.map(({ key }) => String(key));
    expect(keys).toEqual(keys.toSorted());
    const [one] = bad;
    expect((await fetch(`${registry.api()}/${toHex(one?.hash ?? new Uint8Array(0))}`)).status).toBe(
      500,
    );
    const second = await verifyJson(place.flags, ["--quarantine"]);
    expect(second.report).toMatchObject({ bad: count, quarantined: bad.length });
    for (const blob of bad) {
      const url = `${registry.api()}/${toHex(blob.hash)}`;
      expect((await fetch(url)).status).toBe(404);
      expect(await send(registry.api(), blob)).toMatchObject({ created: true });
      expect(bytesEqual(await (await fetch(url)).bytes(), blob.data)).toBe(true);
    }
    for (const blob of large) await send(registry.api(), blob);
    const third = await verifyJson(place.flags);
    expect(third).toMatchObject({ exitCode: 0, bad: [], report: { bad: 0 } });
    await registry.kill();
    await place.remove();
  });

  it("killed at any moment of --quarantine loses nothing, and the next run ends it", async () => {
    const place = await open();
    const blobs = Array.from({ length: 1500 }, () => randomBlob(120));
    await place.work(async (database) => {
      const store = createSqlBlobStore(database);
      for (let at = 0; at < 1500; at += 100) await store.putMany(blobs.slice(at, at + 100));
      await database.transaction("write", async (query) => {
        for (const { hash, data } of blobs.filter((_blob, n) => n % 2 === 0)) {
          await query("UPDATE blobs SET data = $2 WHERE hash = $1", [hash, flipped(data)]);
        }
      });
    });
    let killed = 0;
    for (;;) {
      const run = home.launch(["verify", "--quarantine", ...place.flags]);
      // A little later each time: some of it in its midst.
      const isOver = await Promise.race([
        run.ended.then(() => true),
        Bun.sleep(60 + 25 * killed).then(() => false),
      ]);
      if (isOver) break;
      await run.kill("SIGKILL");
      killed += 1;
      const [rows, moved, both] = await place.work(countRows);
      expect([Number(rows) + Number(moved), both]).toEqual([1500, 0]);
    }
    expect(killed).toBeGreaterThan(0);
    expect((await verifyJson(place.flags)).report).toMatchObject({ rows: 750, bad: 0 });
    expect(await place.work(orphanCount)).toBe(0);
    await place.remove();
  });

  it("interrupted, says where to go on, and goes on there", async () => {
    const place = await open();
    const blobs = Array.from({ length: 100 }, () => randomBlob(100));
    await place.work(async (database) => {
      await createSqlBlobStore(database).putMany(blobs);
      for (const { hash, data } of blobs) await overwriteRow(database, hash, flipped(data));
    });
    const run = home.launch(["verify", "--rate", "20KiB", ...place.flags]);
    while (!run.stdout().includes("bad ")) await Bun.sleep(5);
    expect(await run.kill("SIGINT")).toBe(130);
    const [, from = ""] =
      /\nstopped before the end; go on with --from (\w+)\n$/.exec(run.stdout()) ?? [];
    expect(from).toHaveLength(64);
    const rest = await home.run(["verify", "--from", from, ...place.flags]);
    expect(rest.exitCode).toBe(1);
    const told = [...`${run.stdout()}${rest.stdout}`.matchAll(/^bad (\w+):/gm)];
    expect(new Set(told.map(([, key]) => key)).size).toBe(100);
    await place.remove();
  });
});

describe("registry verify", () => {
  it("reads a blob of 1 GiB without holding it", async () => {
    const directory = home.newDirectory();
    const database = await openSqlite({ directory });
    await migrate(database);
    const upload = await createSqlBlobStore(database).beginUpload();
    const hasher = hashing.createHasher();
    const segment = randomBlob(1 << 20);
    for (let n = 0; n < 1024; n += 1) {
      hasher.update(segment.data);
      await upload.append(segment);
    }
    const hash = hasher.digest();
    hasher.dispose();
    await upload.commit(hash);
    await database.close();
    const words = ["verify", "--json", "--rate", "10GiB", "--embedded", directory];
    const run = home.launch(words);
    let most = 0;
    const over = run.ended.then(() => true);
    const notYet = async () => await Bun.sleep(10).then(() => false);
    while (!(await Promise.race([over, notYet()]))) {
      const status = await Bun.file(`/proc/${run.pid}/status`)
        .text()
        .catch(() => "");
      most = Math.max(most, Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024);
    }
    expect(await run.ended).toBe(0);
    expect(JSON.parse(run.stdout())).toMatchObject({ rows: 1, segments: 1024, bytes: 1 << 30 });
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(250);
  });

  it("shows on a terminal how far it is, and leaves nothing of that behind", async () => {
    const directory = home.newDirectory();
    const database = await openSqlite({ directory });
    await migrate(database);
    await createSqlBlobStore(database).putMany(Array.from({ length: 100 }, () => randomBlob(9)));
    await database.close();
    let shown = "";
    const words = ["verify", "--rate", "200KiB", "--embedded", directory];
    const child = Bun.spawn([home.binary, ...words], {
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
    expect(drawn[1]).toMatch(/^verifying {2}\[-*\] +\d+ %/);
    expect(drawn.at(-2)).toMatch(/^verifying {2}\[#+-*\] +\d+ % .*\d+ rows$/);
    expect(drawn.at(-1)).toBe("verified 100 rows and 0 segments, 900 bytes; bad 0\r\n");
  });
});

/** Rows, quarantined rows, and keys that are both. */
async function countRows(database: Database): Promise<number[]> {
  const [row] = await database.query(
    "read",
    "SELECT (SELECT count(*) FROM blobs) AS rows, " +
      "(SELECT count(*) FROM quarantined_blobs) AS moved, " +
      "(SELECT count(*) FROM blobs b JOIN quarantined_blobs q ON q.hash = b.hash) AS both",
  );
  return [Number(row?.["rows"]), Number(row?.["moved"]), Number(row?.["both"])];
}
