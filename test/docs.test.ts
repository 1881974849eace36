import { describe, expect, it } from "bun:test";
import { existsSync } from "node:fs";
import { limits } from "../src/domain/limits.ts";
import { flags } from "../src/ops/flags.ts";

const read = async (path: string): Promise<string> =>
  await Bun.file(`${import.meta.dir}/../${path}`).text();

describe("README", () => {
  it("has a row for every flag, with its value and default, in the order of the help", async () => {
    const text = await read("README.md");
    const rows = [...text.matchAll(/^\| `(--[^`]+)` *\| *(?:`([^`]*)`)? *\|/gm)];
    const told = rows.map(([, flag, value]) => ({ flag, default: value ?? null }));
    expect(told).toEqual(
      flags.map((flag) => ({ flag: `--${flag.name} ${flag.placeholder}`, default: flag.default })),
    );
  });
});

describe("ARCHITECTURE", () => {
  it("names only files that are there", async () => {
    const names = [
      ...(await read("ARCHITECTURE.md")).matchAll(/`([\w./-]+\/[\w.-]+\.(?:ts|sql))`/g),
    ];
    const paths = names
      .map(([, name = ""]) => name)
      .map((name) => (name.startsWith("test/") ? name : `src/${name}`));
    expect(paths.length).toBeGreaterThan(30);
    expect(paths.filter((path) => !existsSync(`${import.meta.dir}/../${path}`))).toEqual([]);
  });
});

describe("docs/limits.md", () => {
  it("tells the value of every fixed bound", async () => {
    const text = await read("docs/limits.md");
    const untold = Object.entries(limits).filter(([, value]) => !tells(text, value));
    expect(untold).toEqual([]);
  });
});

/** In full, or as a number of MiB. */
function tells(text: string, value: number): boolean {
  const mebibytes = value / 1024 ** 2;
  return (
    new RegExp(`\\b${value}\\b`).test(text) ||
    (mebibytes >= 1024 && new RegExp(`\\b${mebibytes / 1024} GiB\\b`).test(text))
  );
}
