import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { NewBlob } from "../../src/domain/blob-store.ts";
import { toHex } from "../../src/domain/bytes.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { openSqlite } from "../../src/storage/sqlite/open.ts";
import { hashing, randomBlob, shortKey } from "../support/blobs.ts";
import { runCommandLine, usageError } from "../support/command-line.ts";
import { collidingHashing, insertRow } from "../support/damage.ts";
import { temporaryDirectory } from "../support/registry.ts";

let directory: string;
beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => rmSync(directory, { recursive: true }));

let stores = 0;

/** A store with these blobs that nobody uses. */
async function storeOf(...blobs: readonly NewBlob[]): Promise<string> {
  stores += 1;
  const store = join(directory, String(stores));
  const database = await openSqlite({ directory: store });
  await migrate(database);
  for (const blob of blobs) await insertRow(database, blob.hash, blob);
  await database.close();
  return store;
}

async function run(store: string, words: readonly string[], stdin?: string) {
  const ended = await runCommandLine(["delete", ...words], {
    environment: { REGISTRY_EMBEDDED: store, REGISTRY_LOG_LEVEL: "error" },
    ...(stdin === undefined ? {} : { stdin: new TextEncoder().encode(stdin) }),
  });
  return { ...ended, lines: ended.stdout.split("\n").slice(0, -1) };
}

describe("registry delete", () => {
  it("tells what became of each key, in order, and fails where there was no blob", async () => {
    const [a, b] = [randomBlob(10), randomBlob(10)];
    const store = await storeOf(a, b);
    const [digitsA, digitsB] = [toHex(a.hash), toHex(b.hash)];
    const absent = "0".repeat(32);
    const first = await run(store, [digitsA.toUpperCase(), toHex(shortKey(b.hash)), absent]);
    expect(first).toMatchObject({
      exitCode: 1,
      stderr: "",
      lines: [
        `${digitsA}  deleted`,
        `${toHex(shortKey(b.hash))}  deleted ${digitsB}`,
        `${absent}  no blob was here; taken down all the same`,
      ],
    });
    const again = await run(store, [digitsA, absent]);
    expect(again.exitCode).toBe(0);
    expect(again.lines[0]).toBe(`${digitsA}  had been taken down before`);
  });

  it("lifts that again, by --undo", async () => {
    const blob = randomBlob(10);
    const store = await storeOf(blob);
    const digits = toHex(blob.hash);
    await run(store, [digits]);
    const undone = await run(store, ["--undo", digits]);
    expect(undone).toMatchObject({ exitCode: 0, lines: [`${digits}  may be uploaded again`] });
    const twice = await run(store, ["--undo", digits]);
    expect(twice).toMatchObject({ exitCode: 1, lines: [`${digits}  was not taken down`] });
  });

  it("reads keys from standard input, besides its operands, as a deny list has them", async () => {
    const [a, b] = [randomBlob(10), randomBlob(10)];
    const store = await storeOf(a, b);
    const input = `# order 1\r\n\r\n${toHex(b.hash)} # and why\r\n`;
    const { exitCode, lines } = await run(store, ["--json", "-", toHex(a.hash)], input);
    expect([exitCode, lines.map((line) => JSON.parse(line) as unknown)]).toEqual([
      0,
      [a, b].map(({ hash }) => {
        const key = toHex(hash);
        return { key, outcome: "deleted", hash: key, rows: 1 };
      }),
    ]);
  });

  it("does nothing at all when one key is wrong", async () => {
    const blob = randomBlob(10);
    const store = await storeOf(blob);
    const digits = toHex(blob.hash);
    const operand = await run(store, [digits, "abc"]);
    expect(operand).toMatchObject(
      usageError(
        '"abc": A key has 64 hexadecimal digits, or the first 32 of them; this one has 3.',
      ),
    );
    const input = await run(store, ["-"], `${digits}\nabc\n`);
    expect(input).toMatchObject(
      usageError(
        'standard input, line 2: "abc" is no key; write 64 hexadecimal digits, or the first 32',
      ),
    );
    expect(await run(store, [])).toMatchObject(usageError("delete needs the key of a blob"));
    expect((await run(store, [digits])).lines).toEqual([`${digits}  deleted`]);
  });

  it("goes on behind a key that fits several blobs, and says which to give", async () => {
    const [a, b, other] = [randomBlob(10), randomBlob(11), randomBlob(12)];
    const hash = collidingHashing(a.data, b.data).hash(b.data);
    expect(toHex(hash)).not.toBe(toHex(hashing.hash(b.data)));
    const store = await storeOf(a, { ...b, hash }, other);
    const prefix = toHex(shortKey(a.hash));
    expect(await run(store, [prefix, toHex(other.hash)])).toMatchObject({
      exitCode: 1,
      stderr:
        `registry: ${prefix}: these 32 digits fit several blobs; ` +
        "give all 64 of the one that is meant\n",
      lines: [`${toHex(other.hash)}  deleted`],
    });
  });
});
