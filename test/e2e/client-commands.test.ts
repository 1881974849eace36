import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hashing } from "../support/blobs.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { mebibyte, missingBlobs, randomBlob } from "./support/blobs.ts";
import { runCommand } from "./support/commands.ts";
import type { Registry } from "./support/observation.ts";

const missing = "0".repeat(64);
const largeBytes = 300 * mebibyte;
/** It shall fail when a large blob is held whole. */
const peakBytesMax = 150 * mebibyte;

let home: BinaryHome;
let registry: Registry;

beforeAll(async () => {
  home = createBinaryHome();
  registry = await home.start([...anyPort, "--embedded", "data", "--max-blob-size", "1GiB"]);
});

afterAll(async () => {
  await home.remove();
});

const environment = (): Record<string, string> => ({
  REGISTRY_URL: `http://localhost:${registry.port()}`,
});

function keyOf(bytes: Uint8Array<ArrayBuffer>): string {
  return hashing.hash(bytes).toHex();
}

/** A directory with a file of each of these sizes, named by it. */
async function makeFiles(...sizes: readonly number[]) {
  const directory = home.newDirectory();
  const files = sizes.map((size) => ({ name: String(size), bytes: randomBlob(size) }));
  for (const { name, bytes } of files) await Bun.write(join(directory, name), bytes);
  return { directory, files, names: files.map(({ name }) => name) };
}

async function run(words: readonly string[], directory: string) {
  return await home.run(words, { directory, environment: environment() });
}

/** Runs a line of a shell, in which the binary is "$0". */
async function runLine(line: string, directory: string) {
  return await runCommand(["bash", "-c", line, home.binary], {
    directory,
    environment: environment(),
  });
}

describe("registry put, get and stat", () => {
  it("carry files there and back, small and large, known ones too", async () => {
    const { directory, files, names } = await makeFiles(5 * mebibyte, 0, 700, 2 * mebibyte + 1);
    const lines = files.map(({ name, bytes }) => `${keyOf(bytes)}  ${name}\n`).join("");
    for (const words of [names, names.toReversed()]) {
      const { stdout, stderr, exitCode } = await run(["put", ...words], directory);
      expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
      expect(stdout.split("\n").toSorted()).toEqual(lines.split("\n").toSorted());
    }
    const keys = files.map(({ bytes }) => keyOf(bytes));
    const got = await run(["get", ...keys, "--output", "back"], directory);
    expect(got).toMatchObject({ stderr: "", exitCode: 0 });
    for (const { bytes } of files) {
      expect(readFileSync(join(directory, "back", keyOf(bytes)))).toEqual(Buffer.from(bytes));
    }
    expect(readdirSync(join(directory, "back")).toSorted()).toEqual(keys.toSorted());
    const { stdout } = await run(["stat", ...keys.map((key) => key.slice(0, 32))], directory);
    expect(stdout.split("\n").map((line) => line.split("  ")[1] ?? "")).toEqual([...names, ""]);
  });

  it("work in a pipe, and give what a form uploaded", async () => {
    const { directory, files } = await makeFiles(9 * mebibyte);
    const [file] = files;
    const there = await runLine('cat * | "$0" put - | cut -d" " -f1 | tee key', directory);
    expect(there).toMatchObject({ stdout: `${keyOf(file?.bytes ?? randomBlob(0))}\n`, stderr: "" });
    const back = await runLine('"$0" get "$(cat key)" | cmp - [0-9]* && echo same', directory);
    expect(back).toEqual({ stdout: "same\n", stderr: "", exitCode: 0 });
    const form = new FormData();
    form.set("data", new Blob(["hello mycelium\n"]));
    await fetch(registry.api(), { method: "POST", body: form });
    const { stdout } = await run(["get", "24c83c96c8ffda4f4848b2bedf2800a0"], directory);
    expect(stdout).toBe("hello mycelium\n");
  });

  it("say what is missing, and exit with 1", async () => {
    const { directory, names } = await makeFiles(10);
    const put = await run(["put", "gone", ...names, "--json"], directory);
    expect(put.stdout.split("\n").map((line) => line.slice(0, 16))).toEqual([
      '{"file":"gone","',
      '{"file":"10","ke',
      "",
    ]);
    expect(put).toMatchObject({
      stderr: "registry: gone: there is no such file or directory\n",
      exitCode: 1,
    });
    expect(await run(["stat", missing], directory)).toEqual({
      stdout: `${missing}  missing\n`,
      stderr: "",
      exitCode: 1,
    });
    expect(await run(["get", missing, "--output", "nothing"], directory)).toEqual({
      stdout: "",
      stderr: `registry: ${missing}: No blob has this key here.\n`,
      exitCode: 1,
    });
    expect(readdirSync(directory)).toEqual(["10"]);
  });

  it("say what they need, and exit with 2", async () => {
    const directory = home.newDirectory();
    for (const words of [["put"], ["get"], ["stat"], ["get", "xyz"], ["put", "-", "-"]]) {
      const { stdout, stderr, exitCode } = await run(words, directory);
      expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 2 });
      expect(stderr).toMatch(/^registry: [^\n]+\nsee registry --help\n$/);
    }
  });

  it("work where the native addon cannot be unpacked", async () => {
    const { directory, files, names } = await makeFiles(3 * mebibyte);
    const { stdout } = await home.run(["put", ...names], {
      directory,
      environment: { ...environment(), TMPDIR: "/nonexistent" },
    });
    expect(stdout).toBe(`${keyOf(files[0]?.bytes ?? randomBlob(0))}  ${names[0]}\n`);
  });
});

describe.skipIf(process.platform !== "linux")("a large blob", () => {
  /** Runs it to its end, and gives the most memory of its own that it was seen to have. */
  async function peakOf(words: readonly string[], directory: string): Promise<number> {
    const running = home.launch(words, { directory, environment: environment() });
    let peak = 0;
    const isOver = running.ended.then(() => true);
    while (!(await Promise.race([isOver, Bun.sleep(5).then(() => false)]))) {
      peak = Math.max(peak, anonymousBytesOf(running.pid));
    }
    expect(running.stderr()).toBe("");
    expect(peak).toBeGreaterThan(mebibyte); // it was seen at all
    return peak;
  }

  it("is carried there and back without being held in memory", async () => {
    const { directory, files, names } = await makeFiles(largeBytes);
    const bytes = files[0]?.bytes ?? randomBlob(0);
    expect(await peakOf(["put", ...names], directory)).toBeLessThan(peakBytesMax);
    const words = ["get", keyOf(bytes), "--output", "back"];
    expect(await peakOf(words, directory)).toBeLessThan(peakBytesMax);
    expect(await missingBlobs(registry.api(), [{ hash: keyOf(bytes), bytes }])).toEqual([]);
    const compared = await runCommand(["cmp", ...names, "back"], { directory });
    expect(compared.exitCode).toBe(0);
  });

  it.skipIf(Bun.which("script") === null)("has a bar on a terminal, which goes", async () => {
    const { directory, names } = await makeFiles(largeBytes);
    const line = `script -qec "stty cols 100; '$0' put ${names[0]}" /dev/null`;
    const { stdout } = await runLine(line, directory);
    expect(stdout).toMatch(/uploading {2}\[#+-*\] +\d+ % {2}[\d.]+ MiB of 300\.0 MiB/);
    const last = stdout.split("\u001b[2K").at(-1) ?? "";
    expect(last).toMatch(/^[0-9a-f]{64} {2}\d+\r\n$/);
  });
});

// --- internal ---

/** 0 when it has just ended. */
function anonymousBytesOf(pid: number): number {
  try {
    const kibibytes = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return 1024 * Number(kibibytes?.[1] ?? 0);
  } catch {
    return 0;
  }
}
