import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "../../src/client.ts";
import {
  launchCommand,
  runCommandLine,
  usageError,
  type CommandOptions,
} from "../support/command-line.ts";
import { startFaultyProxy } from "../support/faulty-proxy.ts";
import { eventually, randomBytes, startRegistry, type TestRegistry } from "../support/registry.ts";

const mebibyte = 1024 * 1024;
const missing = "0".repeat(64);

let registry: TestRegistry;

beforeAll(async () => {
  registry = await startRegistry();
});

afterAll(async () => {
  await registry.stop();
});

async function stored(bytesTotal: number) {
  const bytes = randomBytes(bytesTotal);
  const { hash } = await createClient({ url: registry.url }).upload(bytes);
  return { bytes, key: hash };
}

let directories = 0;

function newDirectory(): string {
  directories += 1;
  const directory = join(registry.directory, `get-${directories}`);
  mkdirSync(directory);
  return directory;
}

async function get(words: readonly string[], options: CommandOptions = {}) {
  return await runCommandLine(["get", ...words], {
    ...options,
    environment: { REGISTRY_URL: registry.url, ...options.environment },
  });
}

async function fileOf(...path: string[]): Promise<Uint8Array> {
  return await Bun.file(join(...path)).bytes();
}

describe("registry get", () => {
  it.each([0, 700, 9 * mebibyte])("writes the %d bytes of one blob as they are", async (size) => {
    const { bytes, key } = await stored(size);
    for (const words of [[key], [key.slice(0, 32).toUpperCase()], [key, "--output", "-"]]) {
      const environment = { REGISTRY_URL: registry.url };
      const ended = await launchCommand(["get", ...words], { environment }).ended;
      expect(Buffer.compare(ended.bytes, bytes)).toBe(0);
      expect(ended).toMatchObject({ stderr: "", exitCode: 0 });
    }
  });

  it("writes one blob to a file, also over another, and says so", async () => {
    const { bytes, key } = await stored(9 * mebibyte);
    const directory = newDirectory();
    await Bun.write(join(directory, "there already"), "old");
    for (const name of ["new", "there already"]) {
      expect(await get([key, "--output", name], { directory })).toEqual({
        stdout: `${key}  ${name}\n`,
        stderr: "",
        exitCode: 0,
      });
      expect(await fileOf(directory, name)).toEqual(bytes);
    }
    expect(readdirSync(directory).toSorted()).toEqual(["new", "there already"]);
  });

  it("names blobs by their keys in a directory, which it makes when there is none", async () => {
    const [one, two] = [await stored(100), await stored(200)];
    const short = two.key.slice(0, 32);
    const directory = newDirectory();
    for (const [words, place] of [
      [[], "."],
      [["--output", "deep/er"], "deep/er"],
      [["--output", "deep"], "deep"],
    ] as const) {
      const { stdout, exitCode } = await get([one.key, short, ...words], { directory });
      const [first, second] = [join(place, one.key), join(place, short)];
      expect(stdout).toBe(`${one.key}  ${first}\n${short}  ${second}\n`);
      expect(exitCode).toBe(0);
      expect(await fileOf(directory, first)).toEqual(one.bytes);
      expect(await fileOf(directory, second)).toEqual(two.bytes);
    }
    await get([one.key, "--output", "alone/"], { directory });
    expect(await fileOf(directory, "alone", one.key)).toEqual(one.bytes);
  });

  it("prints a line of JSON for each blob with --json, also for one that is missing", async () => {
    const { bytes, key } = await stored(300);
    const directory = newDirectory();
    const words = ["--json", missing, key, "--output", "blobs"];
    const { stdout, stderr, exitCode } = await get(words, { directory });
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
      { key: missing, error: { code: "not_found", detail: "No blob has this key here." } },
      { key, hash: key, size: 300, file: `blobs/${key}` },
    ]);
    expect(stderr).toBe(`registry: ${missing}: No blob has this key here.\n`);
    expect(exitCode).toBe(1);
    expect(await fileOf(directory, "blobs", key)).toEqual(bytes);
  });

  it("writes wrong bytes nowhere, and leaves what was there", async () => {
    const { key } = await stored(700);
    const directory = newDirectory();
    await Bun.write(join(directory, "file"), "old");
    const proxy = startFaultyProxy(registry.url);
    proxy.failAlways({ alter: (bytes) => bytes.toReversed() });
    for (const words of [[key], [key, "--output", "file"], [key, "--output", "new"]]) {
      const { stdout, stderr, exitCode } = await get([...words, "--url", proxy.url], { directory });
      expect(stdout).toBe("");
      expect(stderr).toMatch(/^registry: [0-9a-f]{64}: What came under .* hashes to .*\n$/);
      expect(exitCode).toBe(1);
    }
    await proxy.stop();
    expect(readdirSync(directory)).toEqual(["file"]);
    expect(await Bun.file(join(directory, "file")).text()).toBe("old");
  });

  it("goes on where a transfer was cut", async () => {
    const { bytes, key } = await stored(3 * mebibyte);
    const directory = newDirectory();
    const proxy = startFaultyProxy(registry.url);
    proxy.fail({ cutAfter: 2 * mebibyte });
    await get([key, "--output", "file", "--url", proxy.url], { directory });
    await proxy.stop();
    expect(await fileOf(directory, "file")).toEqual(bytes);
    expect(proxy.seen.map(({ range }) => range)).toEqual([null, `bytes=${2 * mebibyte}-`]);
  });

  it("says when there is no place for a blob", async () => {
    const { key } = await stored(10);
    const directory = newDirectory();
    await Bun.write(join(directory, "file"), "");
    const nowhere = await get([key, "--output", "gone/file"], { directory });
    expect(nowhere.stderr).toBe(`registry: ${key}: there is no such file or directory\n`);
    expect(nowhere.exitCode).toBe(1);
    const below = await get([key, "--output", "file/below"], { directory });
    expect(below.stderr).toBe(`registry: ${key}: a part of the path is not a directory\n`);
  });

  it("clears up and ends when it is interrupted", async () => {
    const directory = newDirectory();
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () =>
        new Response(
          new ReadableStream({ start: (controller) => controller.enqueue(randomBytes(70_000)) }),
        ),
    });
    const words = ["get", missing, "--output", "file", "--url", server.url.href];
    const running = launchCommand(words, { directory });
    await eventually(() => readdirSync(directory).length > 0);
    running.signal("SIGINT");
    expect(await running.ended).toMatchObject({ exitCode: 130, stdout: "", stderr: "" });
    expect(readdirSync(directory)).toEqual([]);
    await server.stop(true);
  });
});

describe("registry get, used wrongly", () => {
  const key = "1".repeat(32);

  it.each([
    [[], "get needs the key of a blob"],
    [["abc"], '"abc": A key has 64 hexadecimal digits, or the first 32 of them; this one has 3.'],
    [
      [key, "g".repeat(32)],
      `"${"g".repeat(32)}": A key holds only hexadecimal digits (0-9, a-f, A-F); look at digit 1.`,
    ],
    [[key, key, "--output", "-"], "--output -: several blobs need a directory to go to"],
    [
      [key, key, "--output", import.meta.path],
      "--output is no directory, which several blobs need",
    ],
    [[key, "--json"], "--json needs standard output for itself; name a file with --output"],
    [[key, "--url", "ftp://h"], expect.stringContaining("--url is not the URL of a registry;")],
  ])("%p is refused", async (words, message) => {
    const { stderr, ...ended } = await get(words);
    expect(ended).toEqual({ exitCode: 2, stdout: "" });
    if (typeof message === "string") expect(stderr).toBe(usageError(message).stderr);
    else expect(stderr).toEqual(message);
  });
});
