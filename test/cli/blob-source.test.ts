import { afterAll, describe, expect, it } from "bun:test";
import { appendFileSync, mkdirSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { openSource, sizeOf } from "../../src/cli/blob-source.ts";
import { limits } from "../../src/domain/limits.ts";
import { codeOf } from "../../src/domain/errors.ts";
import { randomBytes, temporaryDirectory } from "../support/registry.ts";

const home = temporaryDirectory();
afterAll(() => rmSync(home, { recursive: true }));

const { signal } = new AbortController();

async function refusalOf(name: string): Promise<string> {
  return await openSource(name, signal).then(() => "none", codeOf);
}

describe("openSource", () => {
  it("gives a file as it is now, as often as it is read", async () => {
    const path = join(home, "file");
    const bytes = randomBytes(1000);
    await Bun.write(path, bytes);
    const { blob, close } = await openSource(path, signal);
    appendFileSync(path, "more");
    expect(blob.size).toBe(1000);
    expect(await blob.bytes()).toEqual(bytes);
    expect(await blob.bytes()).toEqual(bytes);
    await close();
    expect(await sizeOf(path)).toBe(1004);
  });

  it("keeps what can be read only once, until it is closed", async () => {
    const path = join(home, "pipe");
    Bun.spawnSync(["mkfifo", path]);
    const bytes = randomBytes(300_000);
    const writer = Bun.spawn(["sh", "-c", 'cat > "$0"', path], { stdin: bytes });
    const { blob, close } = await openSource(path, signal);
    expect(await writer.exited).toBe(0);
    expect(await sizeOf(path)).toBeNull();
    expect(await blob.bytes()).toEqual(bytes);
    expect(await blob.bytes()).toEqual(bytes);
    await close();
    await expect(blob.bytes()).rejects.toThrow();
  });

  it("refuses what is not there, a directory, and what no registry takes", async () => {
    mkdirSync(join(home, "directory"));
    await Bun.write(join(home, "large"), "");
    truncateSync(join(home, "large"), limits.blobBytesCeiling + 1);
    expect(await refusalOf(join(home, "gone"))).toBe("ENOENT");
    expect(await refusalOf(join(home, "directory"))).toBe("EISDIR");
    expect(await refusalOf(join(home, "large"))).toBe("too_large");
    truncateSync(join(home, "large"), limits.blobBytesCeiling);
    expect(await refusalOf(join(home, "large"))).toBe("none");
  });
});

describe("sizeOf", () => {
  it("is null where only reading will tell, or nothing is there", async () => {
    for (const name of ["-", home, join(home, "gone"), "/dev/null"]) {
      expect(await sizeOf(name)).toBeNull();
    }
  });
});
