import { describe, expect, it } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { unitFile, unsetVariables } from "../e2e/support/installed.ts";

const root = join(import.meta.dir, "../..");
const page = await Bun.file(join(root, "docs/security.md")).text();

/** The rows of the table below a heading, its head left out, as cells. */
function rowsBelow(heading: string): string[][] {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const [own = ""] = section.split("\n## ");
  const rows = own.split("\n").filter((line) => line.startsWith("| "));
  const cells = rows.map((row) => row.split("|").map((cell) => cell.trim()));
  return cells.map((each) => each.slice(1, -1)).slice(2);
}

describe("docs/security.md", () => {
  it("names a test for everything that is asked for, and each is there", () => {
    const rows = rowsBelow("What is asked for, and where it is tested");
    const asked = rows.filter(([what = ""]) => !what.startsWith("_"));
    expect(asked.length).toBeGreaterThan(20);
    for (const [what, done, tests = ""] of asked) {
      const files = Array.from(tests.matchAll(/`([^`]+)`/g), ([, file = ""]) => file);
      expect({ what, done: done !== "", count: files.length > 0 }).toEqual({
        what,
        done: true,
        count: true,
      });
    }
  });

  it("names only tests that are there", () => {
    const names = Array.from(page.matchAll(/`(test\/[\w./-]+)`/g), ([, name = ""]) => name);
    expect(names.length).toBeGreaterThan(30);
    expect(names.filter((name) => !existsSync(join(root, name)))).toEqual([]);
  });

  it("tells of an effect only of variables that the unit takes away", () => {
    const rows = rowsBelow("Installing and the process");
    const having = rows.filter(([, effect]) => effect !== "none");
    const told = having.flatMap(([names = ""]) =>
      Array.from(names.matchAll(/`([A-Z_]+)`/g), ([, name = ""]) => name),
    );
    expect(told).toContain("BUN_OPTIONS");
    expect(told.filter((name) => !unsetVariables().includes(name))).toEqual([]);
    expect(existsSync(unitFile)).toBe(true);
  });
});
