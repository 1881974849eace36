import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StartError } from "../../src/domain/errors.ts";
import { readBoundedFile } from "../../src/ops/bounded-file.ts";
import { temporaryDirectory } from "../support/registry.ts";

let directory: string;
beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => rmSync(directory, { recursive: true }));

describe("readBoundedFile", () => {
  const file = (name: string) => ({ path: join(directory, name), flag: "--some-file" });

  it("gives all of a file that has as many bytes as it may, and of no longer one", async () => {
    const ten = file("ten");
    writeFileSync(ten.path, "0123456789");
    expect(Buffer.from(await readBoundedFile({ ...ten, bytesMax: 10 })).toString()).toBe(
      "0123456789",
    );
    const reading = readBoundedFile({ ...ten, bytesMax: 9 });
    expect(reading).rejects.toThrow(
      new StartError(
        `cannot read ${ten.path} (it has 10 bytes, of 9 at most); correct --some-file`,
      ),
    );
  });

  it("waits for no pipe, and reads no directory", async () => {
    Bun.spawnSync(["mkfifo", join(directory, "pipe")]);
    mkdirSync(join(directory, "nested"));
    for (const name of ["pipe", "nested"]) {
      const reading = readBoundedFile({ ...file(name), bytesMax: 10 });
      expect(reading).rejects.toThrow("(it is no regular file); correct --some-file");
    }
  });

  it("says what is not there, or may not be read", async () => {
    const reading = readBoundedFile({ ...file("missing"), bytesMax: 10 });
    expect(reading).rejects.toThrow(/ENOENT.+correct --some-file/);
  });
});
