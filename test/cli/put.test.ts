import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Bytes } from "../../src/domain/bytes.ts";
import { hashing } from "../support/blobs.ts";
import {
  launchCommand,
  runCommandLine,
  usageError,
  type CommandOptions,
} from "../support/command-line.ts";
import { startFaultyProxy, status } from "../support/faulty-proxy.ts";
import { eventually, randomBytes, startRegistry, type TestRegistry } from "../support/registry.ts";

const mebibyte = 1024 * 1024;
const nowhere = "http://127.0.0.1:1";

let registry: TestRegistry;

beforeAll(async () => {
  registry = await startRegistry({ blobBytesMax: 6 * mebibyte });
});

afterAll(async () => {
  await registry.stop();
});

function keyOf(bytes: Bytes): string {
  return hashing.hash(bytes).toHex();
}

let directories = 0;

/** A new directory that holds these files. */
async function directoryOf(files: Readonly<Record<string, Bytes>>): Promise<string> {
  directories += 1;
  const directory = join(registry.directory, `put-${directories}`);
  mkdirSync(directory);
  for (const [name, bytes] of Object.entries(files)) await Bun.write(join(directory, name), bytes);
  return directory;
}

async function put(words: readonly string[], options: CommandOptions = {}) {
  return await runCommandLine(["put", ...words], {
    ...options,
    environment: { REGISTRY_URL: registry.url, ...options.environment },
  });
}

async function download(key: string): Promise<Uint8Array> {
  return await (await fetch(`${registry.api}/${key}`)).bytes();
}

describe("registry put", () => {
  it("uploads files and prints their keys, in their order, for new and known ones", async () => {
    const files = {
      large: randomBytes(5 * mebibyte),
      empty: new Uint8Array(),
      small: randomBytes(9),
    };
    const directory = await directoryOf(files);
    symlinkSync("small", join(directory, "link"));
    const expected = {
      stdout: [
        `${keyOf(files.large)}  large`,
        `${keyOf(files.empty)}  empty`,
        `${keyOf(files.small)}  small`,
        `${keyOf(files.small)}  link`,
        "",
      ].join("\n"),
      stderr: "",
      exitCode: 0,
    };
    const words = ["large", "empty", "small", "link"];
    expect(await put(words, { directory })).toEqual(expected);
    expect(await put(words, { directory })).toEqual(expected);
    for (const bytes of Object.values(files)) expect(await download(keyOf(bytes))).toEqual(bytes);
  });

  it("prints a line of JSON for each file with --json", async () => {
    const files = { one: randomBytes(10), two: randomBytes(20) };
    const directory = await directoryOf(files);
    const words = ["--json", "one", "gone", "two", "one"];
    const { stdout, stderr, exitCode } = await put(words, { directory });
    const lines = stdout.trimEnd().split("\n");
    const [one, gone, two, again] = lines.map((line) => JSON.parse(line) as object);
    expect(one).toMatchObject({ file: "one", key: keyOf(files.one), size: 10 });
    expect(gone).toEqual({
      file: "gone",
      error: { code: "ENOENT", detail: "there is no such file or directory" },
    });
    expect(two).toEqual({ file: "two", key: keyOf(files.two), size: 20, created: true });
    expect(again).toMatchObject({ file: "one", key: keyOf(files.one) });
    expect(stderr).toBe("registry: gone: there is no such file or directory\n");
    expect(exitCode).toBe(1);
  });

  it("takes standard input for -", async () => {
    for (const bytes of [randomBytes(3 * mebibyte), new Uint8Array()]) {
      const expected = { stdout: `${keyOf(bytes)}  -\n`, stderr: "", exitCode: 0 };
      expect(await put(["-"], { stdin: bytes })).toEqual(expected);
      expect(await download(keyOf(bytes))).toEqual(bytes);
    }
  });

  it("reads what has no size before it is read", async () => {
    const bytes = await Bun.file("/proc/version").bytes();
    expect((await put(["/proc/version"])).stdout).toBe(`${keyOf(bytes)}  /proc/version\n`);
  });

  it("says on one line what failed, and does the rest", async () => {
    const directory = await directoryOf({
      good: randomBytes(10),
      "too large": new Uint8Array(7e6),
    });
    const { stdout, stderr, exitCode } = await put([".", "too large", "gone", "good"], {
      directory,
    });
    expect(stdout).toMatch(/^[0-9a-f]{64} {2}good\n$/);
    const [first, second, third, ...rest] = stderr.split("\n");
    expect(first).toBe("registry: .: it is a directory");
    expect(second).toBe(
      `registry: too large: A blob may have at most ${6 * mebibyte} bytes here; ` +
        "the request announces 7000000.",
    );
    expect(third).toBe("registry: gone: there is no such file or directory");
    expect(rest).toEqual([""]);
    expect(exitCode).toBe(1);
  });

  it("shows names without what a terminal would act on", async () => {
    const bytes = randomBytes(10);
    const directory = await directoryOf({ "a\nb\u001b[2J": bytes });
    const { stdout } = await put(["a\nb\u001b[2J"], { directory });
    expect(stdout).toBe(`${keyOf(bytes)}  a\\nb\\u{1b}[2J\n`);
  });

  it("tries again when the registry is busy, and sends all of it again", async () => {
    const bytes = randomBytes(3 * mebibyte);
    const directory = await directoryOf({ file: bytes });
    const proxy = startFaultyProxy(registry.url);
    proxy.fail(status(503, { "Retry-After": "0" }));
    const { stdout } = await put(["file", "--url", proxy.url], { directory });
    expect(stdout).toBe(`${keyOf(bytes)}  file\n`);
    expect(proxy.seen.map(({ method }) => method)).toEqual(["PUT", "PUT"]);
    await proxy.stop();
  });

  it("does not try the rest when no registry can be reached", async () => {
    const names = Array.from({ length: 20 }, (_, index) => `file-${index}`);
    const files = Object.fromEntries(names.map((name) => [name, randomBytes(10)]));
    const directory = await directoryOf(files);
    const words = [...names, "--json", "--url", nowhere];
    const { stdout, stderr, exitCode } = await put(words, { directory });
    const lines = stderr.trimEnd().split("\n");
    expect(lines[0]).toBe(
      "registry: file-0: http://127.0.0.1:1/api/v1/metadata cannot be reached, " +
        "or the connection broke (ECONNREFUSED).",
    );
    expect(lines.at(-1)).toMatch(/^registry: not tried: \d+ more$/);
    expect(lines.length).toBeLessThan(20);
    expect(stdout.split("\n").length).toBe(21);
    expect(stdout).toContain('"error":{"code":"not_tried"');
    expect(exitCode).toBe(1);
  }, 30_000);

  it("does not send a blob to where a redirect leads, but says so", async () => {
    const directory = await directoryOf({ file: randomBytes(10) });
    const proxy = startFaultyProxy(registry.url);
    proxy.failAlways(status(308, { Location: registry.url }));
    const { stderr, exitCode } = await put(["file", "--url", proxy.url], { directory });
    expect(stderr).toBe(
      "registry: file: the registry redirects; name where it leads to with --url\n",
    );
    expect(exitCode).toBe(1);
    await proxy.stop();
  });

  it("clears up and ends when it is told to, while it waits for its input", async () => {
    const directory = await directoryOf({});
    const stdin = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(randomBytes(10)),
    });
    const environment = { TMPDIR: directory };
    const running = launchCommand(["put", "-"], { stdin, environment });
    await eventually(() => readdirSync(directory).some((name) => name.startsWith("registry-put-")));
    running.signal("SIGTERM");
    expect(await running.ended).toMatchObject({ exitCode: 143, stdout: "", stderr: "" });
    expect(readdirSync(directory).filter((name) => name.startsWith("registry-put-"))).toEqual([]);
  });
});

describe("registry put, to a registry that wants a token", () => {
  const token = "a-token-to-upload-with";
  let guarded: TestRegistry;
  let directory: string;
  beforeAll(async () => {
    directory = await directoryOf({ file: randomBytes(10) });
    await Bun.write(join(directory, "tokens"), `${token} alice\n`);
    await Bun.write(join(directory, "token"), `${token}\n`);
    guarded = await startRegistry({ uploadTokenFile: join(directory, "tokens") });
  });
  afterAll(() => guarded.stop());

  const putThere = (words: readonly string[], environment = {}) =>
    put(["file", "--url", guarded.url, ...words], { directory, environment });

  it("sends that of a file, or of the environment", async () => {
    const runs = [putThere(["--token-file", "token"]), putThere([], { REGISTRY_TOKEN: token })];
    for (const run of runs) expect(await run).toMatchObject({ stderr: "", exitCode: 0 });
  });

  it("says how to give it one, and that one is wrong, without showing it", async () => {
    expect(await putThere([])).toMatchObject({
      stderr: "registry: file: uploading there takes a token; name its file with --token-file\n",
      exitCode: 1,
    });
    const { stderr, exitCode } = await putThere([], { REGISTRY_TOKEN: "another-token-of-mine" });
    expect(stderr).toStartWith("registry: file: This registry does not know the token");
    expect(stderr).not.toContain("another-token");
    expect(exitCode).toBe(1);
  });
});

describe("registry put, used wrongly", () => {
  it.each([
    [[], "put needs the name of a file, or - for standard input"],
    [["-", "-"], "- is given more than once; standard input can be read once"],
    [["--output", "x", "a"], "put takes no --output"],
    [
      ["a", "--url", "ftp://me:secret@h"],
      "--url is not the URL of a registry; write http://HOST:PORT or https://HOST, " +
        "without user and password",
    ],
  ])("%p is refused", async (words, message) => {
    expect(await put(words)).toEqual(usageError(message));
  });

  it("names the variable that a wrong URL comes from", async () => {
    const { stderr } = await put(["a"], { environment: { REGISTRY_URL: "localhost:8080" } });
    expect(stderr).toStartWith("registry: REGISTRY_URL is not the URL of a registry;");
  });
});
