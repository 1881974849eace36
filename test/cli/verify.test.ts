import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../../src/domain/bytes.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { openSqlite } from "../../src/storage/sqlite/open.ts";
import { randomBlob } from "../support/blobs.ts";
import { launchCommand } from "../support/command-line.ts";
import { flipped, insertRow } from "../support/damage.ts";
import { temporaryDirectory } from "../support/registry.ts";

const main = join(import.meta.dir, "../../src/main.ts");

let directory: string;
beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => rmSync(directory, { recursive: true }));

let stores = 0;
/** A store with good and bad rows, and the keys of the bad ones. */
async function newStore(good: number, bad: number) {
  stores += 1;
  const store = join(directory, String(stores));
  const database = await openSqlite({ directory: store });
  await migrate(database);
  const blobs = Array.from({ length: good + bad }, () => randomBlob(30));
  for (const [n, { hash, data }] of blobs.entries()) {
    await insertRow(database, hash, { data: n < bad ? flipped(data) : data });
  }
  await database.close();
  return {
    store,
    bad: blobs
      .slice(0, bad)
      .map(({ hash }) => toHex(hash))
      .toSorted(),
  };
}

async function run(words: readonly string[]) {
  const { exitCode, stdout, stderr } = await launchCommand(["verify", ...words]).ended;
  return { exitCode, stdout, stderr };
}

describe("registry verify", () => {
  it("says that all is well", async () => {
    const { store } = await newStore(3, 0);
    expect(await run(["--embedded", store])).toEqual({
      exitCode: 0,
      stdout: "verified 3 rows and 0 segments, 90 bytes; bad 0\n",
      stderr: "",
    });
  });

  it("exits 1 with a line for each bad row, until they are out of the way", async () => {
    const { store, bad } = await newStore(5, 3);
    const first = await run(["--embedded", store]);
    expect(first).toMatchObject({ exitCode: 1, stderr: "" });
    const lines = first.stdout.split("\n");
    expect(lines.slice(0, 3).map((line) => line.slice(0, 69))).toEqual(
      bad.map((key) => `bad ${key}:`),
    );
    expect(lines[3]).toBe("verified 8 rows and 0 segments, 240 bytes; bad 3");
    const second = await run(["--embedded", store, "--quarantine", "--json"]);
    expect(second).toMatchObject({ exitCode: 1, stderr: "" });
    const said = second.stdout.trimEnd().split("\n");
    expect(said.map((line) => JSON.parse(line) as object)).toEqual([
      ...bad.map((key) => ({ key, why: expect.any(String), outcome: "quarantined" })),
      expect.objectContaining({ rows: 8, bad: 3, quarantined: 3, go_on_from: null }),
    ]);
    expect(await run(["--embedded", store])).toMatchObject({ exitCode: 0 });
  });

  it("begins where it is told to", async () => {
    const { store, bad } = await newStore(0, 4);
    const [, second = "", third = ""] = bad;
    for (const [from, count] of [
      [second, 3],
      [third.toUpperCase(), 2],
      [`${third}00`, 1],
      ["0", 4],
      ["ff".repeat(33), 0],
    ] as const) {
      const { exitCode, stdout } = await run(["--embedded", store, "--from", from]);
      expect(stdout).toContain(`verified ${count} rows`);
      expect(exitCode).toBe(count === 0 ? 0 : 1);
    }
  });

  it.each([
    [["--from", "xyz"], '--from: "xyz" is no beginning of a key'],
    [["--rate", "0"], '--rate: "0" is out of bounds: 1KiB to 64GiB'],
    [["--rate", "fast"], '--rate: "fast" is not a size'],
    [["--port", "1"], "verify takes no --port"],
    [["--quarantine=yes"], "--quarantine takes no value"],
  ])("refuses %j", async (words, why) => {
    const refused = await run(["--embedded", join(directory, "none"), ...words]);
    expect(refused).toMatchObject({ exitCode: 2, stdout: "" });
    expect(refused.stderr).toStartWith(`registry: ${why}`);
  });

  it("stops at a signal with what it has, and says where to go on", async () => {
    const { store } = await newStore(40, 20);
    const words = ["verify", "--embedded", store, "--rate", "2KiB"];
    const child = Bun.spawn([process.execPath, main, ...words], { stderr: "ignore" });
    let stdout = "";
    for await (const bytes of child.stdout) {
      if (stdout === "") child.kill("SIGINT");
      stdout += Buffer.from(bytes).toString();
    }
    expect(await child.exited).toBe(130);
    expect(stdout).toMatch(/\nstopped before the end; go on with --from [0-9a-f]{64}\n$/);
    const [, from = ""] = /--from (\S*)/.exec(stdout) ?? [];
    const rest = await run(["--embedded", store, "--from", from]);
    const told = [...`${stdout}${rest.stdout}`.matchAll(/^bad (\w+):/gm)];
    expect(new Set(told.map(([, key]) => key)).size).toBe(20);
  });
});
