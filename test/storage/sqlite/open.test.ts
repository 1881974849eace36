import { afterEach, beforeEach, describe, expect, it } from "bun:test";
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseBlobKey } from "../../../src/domain/blob-key.ts";
import { RegistryError, StartError } from "../../../src/domain/errors.ts";
import type { Database } from "../../../src/storage/database.ts";
import { migrate } from "../../../src/storage/migrate.ts";
import { createSqlBlobStore } from "../../../src/storage/sql-blob-store.ts";
import { openSqlite, openSqliteToRead } from "../../../src/storage/sqlite/open.ts";
import { randomBlob } from "../../support/blobs.ts";
import { temporaryDirectory } from "../../support/registry.ts";

let directory: string;
let closing: Database[];
beforeEach(() => {
  directory = temporaryDirectory();
  closing = [];
});
afterEach(async () => {
  for (const database of closing) await database.close();
  rmSync(directory, { recursive: true });
});

async function open(path = directory): Promise<Database> {
  const database = await openSqlite({ directory: path });
  closing.push(database);
  await migrate(database);
  return database;
}

async function complaintOf(path = directory): Promise<string> {
  try {
    await open(path);
    return "no complaint";
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    expect(error.message).not.toContain("\n");
    return error.message;
  }
}

const source = new URL("../../../src/", import.meta.url).href;
const opening =
  `import { openSqlite } from "${source}storage/sqlite/open.ts";` +
  `import { migrate } from "${source}storage/migrate.ts";` +
  `import { createSqlBlobStore } from "${source}storage/sql-blob-store.ts";` +
  `import { createHashing } from "${source}hashing/blake3.ts";` +
  "const directory = process.argv.at(-1); let database, store;" +
  "async function open() { database = await openSqlite({ directory }); await migrate(database);" +
  " store = createSqlBlobStore(database); }";

/** Runs code in a process of its own, with `open()`, `database` and `store` at hand. */
function spawn(code: string, wrapper: readonly string[] = []) {
  const command = [...wrapper, process.execPath, "-e", `${opening}${code}`, directory];
  return Bun.spawn(command, { cwd: "/", stdout: "pipe", stderr: "pipe" });
}

const tellFailure =
  "try { await open(); console.log('opened'); } " +
  "catch (error) { console.log(error.name + ': ' + error.message); }";

describe("an embedded store", () => {
  it("makes its directory, and those above it", async () => {
    await open(join(directory, "a/b"));
    expect(statSync(join(directory, "a/b/registry.sqlite")).isFile()).toBe(true);
  });

  it("commits durably: write-ahead log, synchronous FULL", async () => {
    const database = await open();
    for (const lane of ["write", "read"] as const) {
      expect([...(await database.query(lane, "PRAGMA journal_mode"))]).toEqual([
        { journal_mode: "wal" },
      ]);
      expect([...(await database.query(lane, "PRAGMA synchronous"))]).toEqual([{ synchronous: 2 }]);
    }
  });

  it("keeps its write-ahead log small", async () => {
    const database = await open();
    const store = createSqlBlobStore(database);
    for (let n = 0; n < 60; n += 1) {
      await store.putMany([randomBlob(2 * 1024 * 1024)]);
      await store.readMany([randomBlob(31).hash]);
    }
    const wal = statSync(join(directory, "registry.sqlite-wal"));
    expect(wal.size).toBeLessThan(64 * 1024 * 1024);
  });

  it("never lets a transaction that is rolled back take a neighbour's write with it", async () => {
    const database = await open();
    const store = createSqlBlobStore(database);
    const confirmed = await Promise.all(
      Array.from({ length: 64 }, async (_, n) => {
        if (n % 2 === 0) return await refusedTransaction(database);
        const blob = randomBlob(100);
        await store.putMany([blob]);
        return blob;
      }),
    );
    const hashes = confirmed.flatMap((blob) => (blob === null ? [] : [blob.hash]));
    const read = await store.statMany(hashes);
    expect(read.filter((stat) => stat === null)).toEqual([]);
    expect(await database.query("read", "SELECT upload FROM uploads")).toHaveLength(0);
  });

  it("shows nobody what a transaction has not committed", async () => {
    const database = await open();
    const seen = await database.transaction("write", async (query) => {
      await query("INSERT INTO uploads (upload) VALUES ('a')");
      return await database.query("read", "SELECT upload FROM uploads");
    });
    expect(seen).toHaveLength(0);
    expect(await database.query("read", "SELECT upload FROM uploads")).toHaveLength(1);
  });

  it("closes once what is under way is done", async () => {
    const database = await open();
    const blob = randomBlob(100);
    const put = createSqlBlobStore(database).putMany([blob]);
    await database.close();
    expect(await put).toEqual([{ created: true }]);
    closing = [];
    const again = createSqlBlobStore(await open());
    expect((await again.statMany([blob.hash]))[0]).not.toBeNull();
  });
});

async function refusedTransaction(database: Database): Promise<null> {
  const refusal = new RegistryError("upload_expired", "no");
  const work = database.transaction("stream", async (query) => {
    await query("INSERT INTO uploads (upload) VALUES ($1)", [crypto.randomUUID()]);
    await Bun.sleep(0); // gives the neighbours their turn
    throw refusal;
  });
  expect(await work.catch((error: unknown) => error)).toBe(refusal);
  return null;
}

describe("a directory that cannot be used", () => {
  it("is refused to a second process, which is told what to do", async () => {
    await open();
    const child = spawn(tellFailure);
    expect(await child.stdout.text()).toBe(
      `StartError: another process is using ${directory}; an embedded store belongs to one ` +
        "registry: stop that one, choose another directory, or share a PostgreSQL database\n",
    );
  });

  it("is free again once the process has been killed", async () => {
    const child = spawn("await open(); console.log('opened'); setInterval(() => {}, 1000);");
    await child.stdout.getReader().read();
    expect(await complaintOf()).toStartWith("another process is using");
    child.kill("SIGKILL");
    await child.exited;
    await open();
  });

  it("is a file", async () => {
    writeFileSync(join(directory, "file"), "");
    expect(await complaintOf(join(directory, "file"))).toMatch(
      /^cannot make the directory .* choose another with --embedded/,
    );
  });

  it("holds a file that is no database; the directory is not held on to", async () => {
    writeFileSync(join(directory, "registry.sqlite"), "no database, but a long text ".repeat(99));
    const complaint = /^cannot open .*registry\.sqlite \(file is not a database\); restore it/;
    expect(await complaintOf()).toMatch(complaint);
    expect(await complaintOf()).toMatch(complaint);
  });

  it.each([
    ["is closed to this user", 0o555, false],
    ["holds a database that this user may only read", 0o555, true],
  ])("%s", async (_, mode, hasDatabase) => {
    if (hasDatabase) await (await open()).close();
    closing = [];
    chmodSync(directory, mode);
    // To root no directory is closed.
    const child = spawn(`if (process.getuid() === 0) process.setuid(65534); ${tellFailure}`);
    const said = await child.stdout.text();
    chmodSync(directory, 0o755);
    expect(said).toMatch(/^StartError: cannot write in .*; choose another .* let this user write/);
  });
});

describe("trouble while it runs", () => {
  it("keeps every confirmed blob when the process is killed in the middle of writes", async () => {
    const code =
      "await open(); const hashing = createHashing();" +
      "await Promise.all([1, 2, 3, 4].map(async () => { for (;;) {" +
      " const data = crypto.getRandomValues(new Uint8Array(20000));" +
      " const hash = hashing.hash(data);" +
      " await store.putMany([{ hash, data }]);" +
      " console.log(Buffer.from(hash).toString('hex')); } }));";
    const child = spawn(code);
    let said = "";
    for await (const chunk of child.stdout) {
      said += Buffer.from(chunk).toString();
      if (said.length > 20_000) child.kill("SIGKILL");
    }
    const confirmed = said.split("\n").filter((line) => line.length === 64);
    expect(confirmed.length).toBeGreaterThan(200);
    const store = createSqlBlobStore(await open());
    const stats = await store.statMany(confirmed.map(parseBlobKey));
    expect(stats.filter((stat) => stat === null)).toEqual([]);
  });

  it("refuses what the disk does not take, single or in a transaction, and goes on", async () => {
    const put = "store.putMany([{ hash: crypto.getRandomValues(new Uint8Array(32)), data }])";
    const code =
      "const codeOf = (work) => work.then(() => 'done', (error) => error.code);" +
      "await open(); const data = new Uint8Array(4_000_000);" +
      `console.log(await codeOf(${put}));` +
      "const upload = await store.beginUpload();" +
      "console.log(await codeOf(upload.append({ hash: new Uint8Array(32), data })));" +
      "const few = data.slice(0, 9);" +
      "console.log(await codeOf(upload.append({ hash: new Uint8Array(32), data: few })));" +
      "console.log((await store.statMany([new Uint8Array(32)])).length);" +
      "await database.close();";
    // The file size limit stands for a full disk: no file beyond 3 MB, and no signal.
    const limit = "trap '' XFSZ; ulimit -f 3000; exec \"$@\"";
    const child = spawn(code, ["bash", "-c", limit, "bash"]);
    expect(await child.stdout.text()).toBe("database_unavailable\ndatabase_unavailable\ndone\n1\n");
  });

  it("takes no key that is there twice for its own fault", async () => {
    const database = await open();
    const twice = database.transaction("write", async (query) => {
      await query("INSERT INTO uploads (upload) VALUES ('a')");
      await query("INSERT INTO uploads (upload) VALUES ('a')");
    });
    const failure: unknown = await twice.catch((error: unknown) => error);
    expect(failure).not.toBeInstanceOf(RegistryError);
    expect(failure).toHaveProperty("code", "SQLITE_CONSTRAINT_PRIMARYKEY");
  });
});

describe("a store opened to look at it", () => {
  async function countIn(path = directory): Promise<number | null> {
    const database = await openSqliteToRead({ directory: path });
    if (database === null) return null;
    const [row] = await database.transaction("read", async (query) => {
      return await query("SELECT count(*) AS total FROM blobs");
    });
    await database.close();
    return Number(row?.["total"]);
  }

  /** Every file of the directory but the index of the log, which readers write into too. */
  function files(): Record<string, string> {
    const names = readdirSync(directory).filter((name) => !name.endsWith("-shm"));
    const hash = (name: string) => Bun.SHA1.hash(readFileSync(join(directory, name)), "hex");
    return Object.fromEntries(names.map((name) => [name, hash(name)]));
  }

  it("is not made where there is none", async () => {
    expect(await countIn()).toBeNull();
    expect(await countIn(join(directory, "nowhere"))).toBeNull();
    expect(readdirSync(directory)).toEqual([]);
  });

  it("is left as it was by a registry that stopped", async () => {
    const database = await openSqlite({ directory });
    await migrate(database);
    await createSqlBlobStore(database).putMany([randomBlob(10)]);
    await database.close();
    const before = files();
    expect(await countIn()).toBe(1);
    expect(files()).toEqual(before);
    expect(readdirSync(directory).toSorted()).toEqual(["registry.lock", "registry.sqlite"]);
  });

  it("is left as it was by a registry that was killed, and told whole", async () => {
    const code =
      "await open(); const data = new Uint8Array(9);" +
      "await store.putMany([{ hash: createHashing().hash(data), data }]);" +
      "process.kill(process.pid, 'SIGKILL');";
    await spawn(code).exited;
    const before = files();
    expect(Object.keys(before)).toContain("registry.sqlite-wal");
    expect(await countIn()).toBe(1);
    expect(files()).toEqual(before);
    expect(await createSqlBlobStore(await open()).putMany([randomBlob(10)])).toHaveLength(1);
  });

  it("may be one that a registry uses, which goes on", async () => {
    const store = createSqlBlobStore(await open());
    for (const expected of [1, 2, 3]) {
      await store.putMany([randomBlob(10)]);
      expect(await countIn()).toBe(expected);
    }
  });

  it.each(["while a registry uses it", "alone"])("takes no change, %s", async (how) => {
    const used = await open();
    if (how === "alone") await closing.pop()?.close();
    const database = await openSqliteToRead({ directory });
    const change = "INSERT INTO uploads (upload) VALUES ('a')";
    await expect(database?.query("write", change) ?? null).rejects.toBeDefined();
    await expect(
      database?.transaction("write", async (query) => await query("DROP TABLE blobs")) ?? null,
    ).rejects.toBeDefined();
    await database?.close();
    if (how !== "alone") expect(await used.query("read", "SELECT * FROM uploads")).toHaveLength(0);
  });

  it("says of a file that is no store what it is", async () => {
    writeFileSync(join(directory, "registry.sqlite"), "x".repeat(8192));
    const refused = openSqliteToRead({ directory });
    await expect(refused).rejects.toBeInstanceOf(StartError);
    await expect(refused).rejects.toThrow(
      /^cannot read .*registry.sqlite \(file is not a database\); restore it from a backup/,
    );
  });

  /** What somebody finds or is told who may not write in the directory. */
  async function readAsStranger(): Promise<string> {
    chmodSync(directory, 0o555);
    const child = spawn(
      `const { openSqliteToRead } = await import("${source}storage/sqlite/open.ts");` +
        "if (process.getuid() === 0) process.setuid(65534);" +
        "const key = new Uint8Array(32);" +
        "await openSqliteToRead({ directory })" +
        ".then(async (database) => {" +
        '  const text = "SELECT count(*) AS total FROM blobs WHERE hash <> $1 AND $1 = $1";' +
        '  const [row] = await database.query("read", text, [key]);' +
        '  const dropping = database.query("write", "DROP TABLE blobs");' +
        '  const change = await dropping.catch(() => "refused");' +
        "  console.log(row.total, change);" +
        "  await database.close();" +
        "})" +
        ".catch((error) => console.log(error.message));",
    );
    const said = await child.stdout.text();
    chmodSync(directory, 0o755);
    return said;
  }

  it("can be read by one who may not write in its directory", async () => {
    await createSqlBlobStore(await open()).putMany([randomBlob(10)]);
    await closing.pop()?.close();
    const before = files();
    expect(await readAsStranger()).toBe("1 refused\n");
    expect(files()).toEqual(before);
  });

  it("says of one with a log beside it, in a directory that is closed, who can", async () => {
    await spawn("await open(); process.kill(process.pid, 'SIGKILL');").exited;
    rmSync(join(directory, "registry.sqlite-shm"));
    const said = await readAsStranger();
    expect(said).toMatch(/^cannot read .*; run this as the user whom the registry runs as/);
  });

  it("can be written to beside a registry that uses it, by one who says so", async () => {
    const used = createSqlBlobStore(await open());
    const beside = await openSqlite({ directory, isShared: true });
    const blob = randomBlob(10);
    await Promise.all([
      createSqlBlobStore(beside).putMany([blob]),
      ...Array.from({ length: 20 }, () => used.putMany([randomBlob(10)])),
    ]);
    await beside.close();
    expect((await used.statMany([blob.hash]))[0]).not.toBeNull();
    await expect(openSqlite({ directory })).rejects.toBeInstanceOf(StartError);
  });
});
