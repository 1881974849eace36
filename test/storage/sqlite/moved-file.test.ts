import { afterEach, beforeEach, describe, expect, it } from "bun:test";
import { cpSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "../../../src/domain/errors.ts";
import { watchFile } from "../../../src/storage/sqlite/moved-file.ts";
import { temporaryDirectory } from "../../support/registry.ts";

let directory: string;
let file: string;
let check: () => void;
beforeEach(() => {
  directory = temporaryDirectory();
  file = join(directory, "file");
  writeFileSync(file, "one");
  check = watchFile(file);
});
afterEach(() => rmSync(directory, { recursive: true }));

function isMissed(): boolean {
  try {
    check();
    return false;
  } catch (error) {
    expect(hasCode(error, "database_unavailable")).toBe(true);
    return true;
  }
}

describe("a file that is watched", () => {
  it("is there, whatever is written to it", () => {
    expect(isMissed()).toBe(false);
    writeFileSync(file, "another");
    expect(isMissed()).toBe(false);
  });

  it("is missed when it is removed", () => {
    rmSync(file);
    expect(isMissed()).toBe(true);
  });

  it("is missed when another is in its place, and found again when it is put back", () => {
    const aside = join(directory, "aside");
    renameSync(file, aside);
    expect(isMissed()).toBe(true);
    cpSync(aside, file);
    expect(isMissed()).toBe(true);
    renameSync(aside, file);
    expect(isMissed()).toBe(false);
  });

  it("is missed where there was none", () => {
    check = watchFile(join(directory, "none"));
    expect(isMissed()).toBe(true);
  });
});
