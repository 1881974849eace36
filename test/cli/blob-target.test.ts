import { afterAll, describe, expect, it } from "bun:test";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { openFileTarget, type BlobTarget } from "../../src/cli/blob-target.ts";
import { randomBytes, temporaryDirectory } from "../support/registry.ts";

const home = temporaryDirectory();
afterAll(() => rmSync(home, { recursive: true }));

let directories = 0;

function newDirectory(): string {
  directories += 1;
  const directory = join(home, String(directories));
  mkdirSync(directory);
  return directory;
}

async function write(target: BlobTarget, ...pieces: readonly Uint8Array[]): Promise<void> {
  const writer = target.sink.getWriter();
  for (const piece of pieces) await writer.write(piece);
  await writer.close();
}

describe("openFileTarget", () => {
  it("puts a file in its place once it is closed, and not before", async () => {
    const directory = newDirectory();
    const path = join(directory, "file");
    await Bun.write(path, "old");
    const bytes = randomBytes(200_000);
    const target = await openFileTarget(path);
    const writer = target.sink.getWriter();
    await writer.write(bytes.subarray(0, 150_000));
    await writer.write(bytes.subarray(150_000));
    expect(readFileSync(path, "utf8")).toBe("old");
    await writer.close();
    expect(await Bun.file(path).bytes()).toEqual(bytes);
    expect(readdirSync(directory)).toEqual(["file"]);
    await target.discard();
    expect(readdirSync(directory)).toEqual(["file"]);
  });

  it("leaves nothing behind when it is discarded, whatever was written", async () => {
    const directory = newDirectory();
    const target = await openFileTarget(join(directory, "file"));
    const writer = target.sink.getWriter();
    await writer.write(randomBytes(10));
    await writer.abort();
    await target.discard();
    await target.discard();
    expect(readdirSync(directory)).toEqual([]);
  });

  it("takes names as long as the system does", async () => {
    const directory = newDirectory();
    const name = "n".repeat(255);
    await write(await openFileTarget(join(directory, name)), randomBytes(1));
    expect(readdirSync(directory)).toEqual([name]);
  });

  it("replaces the file behind a link, not the link", async () => {
    const directory = newDirectory();
    mkdirSync(join(directory, "elsewhere"));
    const file = join(directory, "elsewhere", "file");
    const link = join(directory, "link");
    await Bun.write(file, "old");
    symlinkSync("elsewhere/file", link);
    const bytes = randomBytes(10);
    await write(await openFileTarget(link), bytes);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(await Bun.file(file).bytes()).toEqual(bytes);
    expect(readdirSync(directory).toSorted()).toEqual(["elsewhere", "link"]);
  });

  it("writes into a pipe once all is there, and leaves it a pipe", async () => {
    const path = join(newDirectory(), "pipe");
    expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
    const reader = Bun.spawn(["cat", path], { stdout: "pipe" });
    const [one, two] = [randomBytes(10), randomBytes(100_000)];
    await write(await openFileTarget(path), one, two);
    expect(Buffer.from(await reader.stdout.bytes())).toEqual(Buffer.concat([one, two]));
    expect(statSync(path).isFIFO()).toBe(true);
  });

  it("writes nothing into a pipe when it is discarded", async () => {
    const path = join(newDirectory(), "pipe");
    Bun.spawnSync(["mkfifo", path]);
    const target = await openFileTarget(path);
    const writer = target.sink.getWriter();
    await writer.write(randomBytes(10));
    await writer.abort();
    await target.discard(); // to open the pipe would wait for a reader
  });
});
