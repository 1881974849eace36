import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { databaseFlags, startPostgres, type PostgresServer } from "../support/postgres.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { mebibyte, randomBlob, upload } from "./support/blobs.ts";
import { runCommand } from "./support/commands.ts";
import { watchMemory } from "./support/memory.ts";
import type { Registry } from "./support/observation.ts";

const blobBytes = 64 * mebibyte;
const clientCount = 16;
/** What is sent in one piece. */
const wholeBytes = 8 * mebibyte;
/** Measured: 80 to 190 MiB. It shall fail when blobs are held whole, which would be a gibibyte. */
const peakBytesMax = 256 * mebibyte;

let home: BinaryHome;
let server: PostgresServer;
/** Files of 64 MiB, no two alike. */
let files: readonly string[];

beforeAll(async () => {
  home = createBinaryHome();
  server = await startPostgres();
  files = await makeFiles(home.newDirectory());
});

afterAll(async () => {
  await home.remove();
  await server.remove();
});

async function makeFiles(directory: string): Promise<string[]> {
  const bytes = randomBlob(blobBytes);
  const paths: string[] = [];
  for (let number = 0; number < clientCount; number += 1) {
    bytes[0] = number;
    const path = join(directory, String(number));
    await writeFile(path, bytes);
    paths.push(path);
  }
  return paths;
}

async function uploadFile(api: string, file: string): Promise<string> {
  const { stdout } = await runCommand(["curl", "-sSf", "-F", `data=@${file}`, api]);
  return (JSON.parse(stdout) as { readonly hash: string }).hash;
}

/** Downloads a blob; gives whether it is what the file holds. */
async function isSameAsFile(url: string, file: string): Promise<boolean> {
  const line = 'curl -sSf "$0" | cmp - "$1"';
  const { exitCode } = await runCommand(["sh", "-c", line, url, file]);
  return exitCode === 0;
}

/** Downloads a blob four times; gives how many bytes came each time. */
async function downloadFourTimes(url: string): Promise<number[]> {
  const lengths: number[] = [];
  for (let time = 0; time < 4; time += 1) {
    const { stdout } = await runCommand(["sh", "-c", 'curl -sSf "$0" | wc -c', url]);
    lengths.push(Number(stdout));
  }
  return lengths;
}

/** Begins a download and reads nothing of it until `resume`, which ends as `isSameAsFile`. */
function startSlowClient(url: string, file: string): { resume(): Promise<boolean> } {
  const line = 'exec 3<&0; curl -sSf "$0" | { read -r go <&3; cmp - "$1"; }';
  const child = Bun.spawn(["sh", "-c", line, url, file], { stdin: "pipe", stdout: "ignore" });
  return {
    async resume() {
      await child.stdin.write("go\n");
      await child.stdin.end();
      return (await child.exited) === 0;
    },
  };
}

async function storeFlags(store: "embedded" | "PostgreSQL"): Promise<string[]> {
  if (store === "embedded") return ["--embedded", "data"];
  return databaseFlags(await server.createDatabase());
}

describe.each(["embedded", "PostgreSQL"] as const)("memory, %s", (store) => {
  let registry: Registry;
  let hashes: readonly string[];

  beforeAll(async () => {
    registry = await home.start([...anyPort, ...(await storeFlags(store))]);
  });

  /** Does `work`; tells the most memory that the registry had meanwhile, and bounds it. */
  async function watched<T>(what: string, work: () => Promise<T>): Promise<T> {
    const memory = watchMemory(registry.pid);
    const startedAt = performance.now();
    const result = await work();
    const peakBytes = memory.peak();
    const seconds = (performance.now() - startedAt) / 1000;
    const peak = `${(peakBytes / mebibyte).toFixed(0)} MiB`;
    process.stderr.write(`${store}, ${what}: at most ${peak}, ${seconds.toFixed(1)} s\n`);
    expect(peakBytes).toBeLessThan(peakBytesMax);
    return result;
  }

  it("is bounded while many large blobs come in", async () => {
    const { length } = files;
    hashes = await watched(`${length} uploads of 64 MiB`, async () => {
      return await Promise.all(files.map((file) => uploadFile(registry.api(), file)));
    });
    expect(new Set(hashes).size).toBe(length);
  });

  it("is bounded while many large blobs go out, and every byte is right", async () => {
    const same = await watched(`${hashes.length} downloads of 64 MiB`, async () => {
      const urls = hashes.map((hash) => `${registry.api()}/${hash}`);
      return await Promise.all(urls.map((url, index) => isSameAsFile(url, files[index] ?? "")));
    });
    expect(same).toEqual(files.map(() => true));
  });

  it("is bounded while many answers go out in one piece, each held once", async () => {
    const data = randomBlob(wholeBytes);
    const { hash } = await upload(registry.api(), data);
    const url = `${registry.api()}/${hash}`;
    const lengths = await watched(`${4 * clientCount} downloads of 8 MiB`, async () => {
      return await Promise.all(Array.from({ length: clientCount }, () => downloadFourTimes(url)));
    });
    expect(new Set(lengths.flat())).toEqual(new Set([wholeBytes]));
  });

  it("is bounded while clients do not read, who get all in the end", async () => {
    const urls = hashes.map((hash) => `${registry.api()}/${hash}`);
    const what = `${urls.length} downloads that stand still beside three that do not`;
    const slow = await watched(what, async () => {
      const clients = urls.map((url, index) => startSlowClient(url, files[index] ?? ""));
      for (const index of [0, 1, 2]) {
        expect(await isSameAsFile(urls[index] ?? "", files[index] ?? "")).toBe(true);
      }
      return clients;
    });
    expect(await Promise.all(slow.map((client) => client.resume()))).toEqual(files.map(() => true));
  });

  it("has nothing to complain of, and stops with 0", async () => {
    expect(await registry.kill()).toBe(0);
    expect(registry.stderr()).toBe("");
  });
});
