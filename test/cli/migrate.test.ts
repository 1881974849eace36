import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Database } from "../../src/storage/database.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { openSqlite } from "../../src/storage/sqlite/open.ts";
import { shortKey } from "../support/blobs.ts";
import { flipped, insertRow } from "../support/damage.ts";
import { temporaryDirectory } from "../support/registry.ts";
import { vectors } from "../support/vectors.ts";
import { migrationNames } from "../support/schema.ts";

const main = join(import.meta.dir, "../../src/main.ts");

let directory: string;
beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => rmSync(directory, { recursive: true }));

let stores = 0;
function newStore(): string {
  stores += 1;
  return join(directory, String(stores));
}

async function withStore(store: string, work: (database: Database) => Promise<void>) {
  const database = await openSqlite({ directory: store });
  await migrate(database);
  await work(database);
  await database.close();
}

/** Runs `registry migrate` with these words on a store. */
async function run(store: string, words: readonly string[], variables: object = {}) {
  const env = { PATH: process.env["PATH"] ?? "", REGISTRY_EMBEDDED: store, ...variables };
  const child = Bun.spawn([process.execPath, main, "migrate", ...words], { env, stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { exitCode: await child.exited, stdout, stderr };
}

describe("registry migrate", () => {
  it("brings the schema up to date, and says what ran on standard output alone", async () => {
    const store = newStore();
    expect(await run(store, ["--json"])).toEqual({
      exitCode: 0,
      stdout: `${JSON.stringify({ applied: migrationNames })}\n`,
      stderr: "",
    });
    expect((await run(store, [])).stdout).toBe("nothing is pending\n");
  });

  it("takes its switches from the environment too", async () => {
    const store = newStore();
    const variables = { REGISTRY_STATUS: "true", REGISTRY_JSON: "true", REGISTRY_REKEY: "false" };
    const { exitCode, stdout, stderr } = await run(store, [], variables);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ migrations: { pending: migrationNames } });
    expect(JSON.parse(stderr)).toMatchObject({ level: "warn", directory: store });
    expect(readdirSync(directory)).not.toContain(store.split("/").at(-1));
  });

  it.each([
    [["--status", "--rekey"], {}, "--status and --rekey exclude each other"],
    [["--status"], { REGISTRY_REKEY: "true" }, "--status and --rekey exclude each other"],
    [["--status"], { REGISTRY_JSON: "yes" }, 'REGISTRY_JSON: "yes" is neither true nor false'],
    [["--status=yes"], {}, "--status takes no value"],
    [["--port", "1"], {}, "migrate takes no --port"],
  ])("refuses %j with %j", async (words, variables, why) => {
    const refused = await run(newStore(), words, variables);
    expect(refused).toMatchObject({ exitCode: 2, stdout: "" });
    expect(refused.stderr).toStartWith(`registry: ${why}`);
  });

  it("exits 1 with a line for each bad row, in either form, the store closed", async () => {
    const store = newStore();
    await withStore(store, async (database) => {
      for (const [n, { hash, data }] of vectors.entries()) {
        await insertRow(database, shortKey(hash), { data: n === 0 ? flipped(data) : data });
      }
    });
    const first = await run(store, ["--rekey"]);
    expect(first).toMatchObject({ exitCode: 1, stderr: "" });
    expect(first.stdout).toMatch(
      /^bad 2f71d3d398de676a225432b420f44f33: .*\nrekeyed 3, merged 0 \(repaired 0\), bad 1, left/,
    );
    const second = await run(store, ["--rekey", "--json"]);
    const said = second.stdout.trimEnd().split("\n");
    expect(said.map((line) => Object.keys(JSON.parse(line) as object))).toEqual([
      ["key", "why"],
      ["rekeyed", "merged", "repaired", "bad"],
    ]);
    await withStore(store, async () => {});
  });
});
