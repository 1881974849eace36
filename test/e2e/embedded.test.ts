import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { anyPort, asNobody, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import {
  keepUploading,
  mebibyte,
  missingBlobs,
  randomBlob,
  upload,
  type Uploaded,
} from "./support/blobs.ts";
import type { Registry } from "./support/observation.ts";

const sizes = [0, 600, 2 * mebibyte, 2 * mebibyte + 1, 64 * mebibyte];

let home: BinaryHome;

beforeAll(() => {
  home = createBinaryHome();
});

afterAll(async () => {
  await home.remove();
});

const start = async (directory: string): Promise<Registry> =>
  await home.start([...anyPort, "--embedded", directory]);

describe("--embedded", () => {
  it("makes its directory, wherever that is, and keeps everything in it", async () => {
    const place = home.newDirectory();
    const registry = await start(join(place, "a b", "ü", "data"));
    const blob = await upload(registry.api(), randomBlob(600));
    expect(await missingBlobs(registry.api(), [blob])).toEqual([]);
    expect(readdirSync(join(place, "a b", "ü", "data"))).toContain("registry.sqlite");
    await registry.kill();
  });

  it("takes a directory relative to where it is run", async () => {
    const directory = home.newDirectory();
    const registry = await home.start([...anyPort, "--embedded", "data"], { directory });
    await registry.kill();
    expect(readdirSync(directory)).toEqual(["data"]);
  });

  it.skipIf(process.getuid?.() !== 0)("needs no rights but to its directory", async () => {
    const directory = home.newDirectory("nobody");
    const args = [...anyPort, "--embedded", directory];
    const registry = await home.start(args, { wrapper: asNobody, directory: "/" });
    const blob = await upload(registry.api(), randomBlob(3 * mebibyte));
    expect(await missingBlobs(registry.api(), [blob])).toEqual([]);
    await registry.kill();
  });

  it("keeps blobs of every size over stops, leaving one file behind", async () => {
    const directory = home.newDirectory();
    const first = await start(directory);
    const blobs: Uploaded[] = [];
    for (const size of sizes) blobs.push(await upload(first.api(), randomBlob(size)));
    expect(await missingBlobs(first.api(), blobs)).toEqual([]);
    expect(await first.kill()).toBe(0);
    expect(readdirSync(directory).filter((name) => /-(wal|shm)$/.test(name))).toEqual([]);

    const second = await start(directory);
    expect(await missingBlobs(second.api(), blobs)).toEqual([]);
    await second.kill();
  });

  it("keeps everything that it has acknowledged when it is killed, again and again", async () => {
    const directory = home.newDirectory();
    const acknowledged: Uploaded[] = [];
    for (const count of [1, 10, 100]) {
      const registry = await start(directory);
      expect(await missingBlobs(registry.api(), acknowledged)).toEqual([]);
      const uploading = keepUploading(registry.api(), [600, 600, 600, 3 * mebibyte]);
      await uploading.reached(count);
      await registry.kill("SIGKILL");
      acknowledged.push(...(await uploading.over));
    }
    const registry = await start(directory);
    expect(await missingBlobs(registry.api(), acknowledged)).toEqual([]);
    await registry.kill();
  });
});
