import { describe, expect, it } from "bun:test";
import { existsSync } from "node:fs";
import { isRetryable, type ErrorCode } from "../src/domain/errors.ts";
import { limits } from "../src/domain/limits.ts";
import { meaningOf } from "../src/http/documents/refusals.ts";
import { statusOf } from "../src/http/problem.ts";
import { serverFlags } from "../src/ops/server-flags.ts";
import { differencesOf, stepsOf } from "./support/console.ts";
import { startRegistry } from "./support/registry.ts";
import { createShell } from "./support/shell.ts";

const read = async (path: string): Promise<string> =>
  await Bun.file(`${import.meta.dir}/../${path}`).text();

describe("README", () => {
  it("has a row for every flag, with its value and default, in the order of the help", async () => {
    const text = await read("README.md");
    const rows = [...text.matchAll(/^\| `(--[^`]+)` *\| *(?:`([^`]*)`)? *\|/gm)];
    const told = rows.map(([, flag, value]) => ({ flag, default: value ?? null }));
    expect(told).toEqual(
      serverFlags.map((flag) => ({
        flag: `--${flag.name} ${flag.placeholder}`.trimEnd(),
        default: flag.default,
      })),
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
  /** Names of bounds in the order of their rows, and what the rows tell of them. */
  async function rows(): Promise<[name: string, bound: string][]> {
    const found = (await read("docs/limits.md")).matchAll(
      /^\|[^|]+\| ([^|]+?) +\|[^|]+\| `([^`|]+)` +\|$/gm,
    );
    return Array.from(found, ([, bound = "", name = ""]) => [name, bound]);
  }

  const measuredFlags = serverFlags.filter(
    ({ name, type }) => !/^(?:text|choice|switch)$/.test(type.kind) && !name.endsWith("port"),
  );

  it("has one row for every fixed bound and every flag that is one, and no other", async () => {
    const told = (await rows()).map(([name]) => name);
    const flags = measuredFlags.map(({ name }) => `--${name}`);
    expect(told.toSorted()).toEqual([...Object.keys(limits), ...flags].toSorted());
  });

  it("tells the value of every bound, and the default of every flag", async () => {
    const told = new Map(await rows());
    const values = Object.entries(limits).map(([name, value]) => [name, toText(name, value)]);
    const defaults = measuredFlags.map((flag) => [
      `--${flag.name}`,
      (flag.default ?? "none").replace(/(?<=\d)(?=[A-Za-z])/, " "),
    ]);
    const untold = [...values, ...defaults].filter(
      ([name = "", text = ""]) => !new RegExp(`(?<![\\d.])${text}\\b`).test(told.get(name) ?? ""),
    );
    expect(untold).toEqual([]);
  });
});

describe("docs/api.md", () => {
  const trueCurl = Bun.which("curl");
  if (trueCurl === null) process.stderr.write("no curl, so docs/api.md is tried without it\n");

  /** What of the page's examples does not come out as shown. */
  async function differences(curl: string | null): Promise<string[]> {
    const steps = stepsOf(await read("docs/api.md"));
    expect(steps.length).toBeGreaterThan(20);
    const registry = await startRegistry();
    try {
      const shell = createShell({ port: registry.port, directory: registry.directory, curl });
      const found: string[] = [];
      for (const { command, shown } of steps) {
        const different = differencesOf(shown, await shell.run(command));
        found.push(...different.map((text) => `${command}: ${text}`));
      }
      return found;
    } finally {
      await registry.stop();
    }
  }

  it("shows what a registry answers", async () => {
    expect(await differences(null)).toEqual([]);
  });

  it.skipIf(trueCurl === null)("shows what curl prints", async () => {
    expect(await differences(trueCurl)).toEqual([]);
  });

  it("tells the status and the meaning of every code, in the order of the statuses", async () => {
    const rows = rowsBelow("## Problems", await read("docs/api.md"));
    const codes = Object.keys(statusOf) as ErrorCode[];
    expect(rows.map(([code, status, meaning]) => [code, status, meaning])).toEqual(
      codes
        .toSorted((a, b) => statusOf[a] - statusOf[b])
        .map((code) => [`\`${code}\``, String(statusOf[code]), meaningOf[code]]),
    );
  });

  it("says of a code to wait for Retry-After if its answer has it, and only then", async () => {
    const rows = rowsBelow("## Problems", await read("docs/api.md"));
    const waiting = rows.filter(([, , , again]) => again === "after `Retry-After`");
    const codes = Object.keys(statusOf) as ErrorCode[];
    expect(waiting.map(([code]) => code)).toEqual(
      codes
        .toSorted((a, b) => statusOf[a] - statusOf[b])
        .filter(isRetryable)
        .map((code) => `\`${code}\``),
    );
  });

  it("tells the limits as they are", async () => {
    const rows = rowsBelow("## Limits", await read("docs/api.md"));
    const told = Object.fromEntries(rows.map(([what = "", limit]) => [what, limit]));
    const ofBlob = serverFlags.find(({ name }) => name === "max-blob-size")?.default ?? "";
    expect(told["a blob"]).toStartWith(`${ofBlob.replace("MiB", " MiB")}, or`);
    expect(told).toMatchObject({
      "`Content-Length` of a POST": `that and ${toMebibytes(limits.uploadFramingBytesMax)}`,
      "parts of a form": String(limits.partsMax),
      "headers of a part": toKibibytes(limits.partHeaderBytesMax),
      "everything in a form but `data`": toMebibytes(limits.otherPartsBytesMax),
      "a boundary": `${limits.boundaryCharactersMax} characters`,
      "keys of one question which are missing": String(limits.keyListMax),
      "the body of one": toKibibytes(limits.keyListBytesMax),
      "a body":
        `${toKibibytes(limits.uploadStepBytes)} of it, or what is left, ` +
        `every ${limits.uploadStepMsMax / 1000} s`,
      "the rest of a body that is refused":
        `read on for ${limits.lingerMsMax / 1000} s, ` +
        `or up to a pause of ${limits.lingerPauseMsMax / 1000} s`,
      "an answer with `Content-Length`": toMebibytes(limits.bufferedResponseBytesMax),
      "a blob of which `Repr-Digest` is told": toMebibytes(limits.inlineBlobBytesMax),
    });
  });
});

/** The cells of the first table below a heading, row by row. */
function rowsBelow(heading: string, markdown: string): string[][] {
  const [, section = ""] = markdown.split(`\n${heading}\n`);
  const lines = /(?:^\|.*\n)+/m.exec(section)?.[0].trimEnd().split("\n") ?? [];
  return lines.slice(2).map((line) =>
    line
      .slice(2, -2)
      .split(" | ")
      .map((cell) => cell.trim()),
  );
}

function toMebibytes(bytes: number): string {
  return `${bytes / 1024 ** 2} MiB`;
}

function toKibibytes(bytes: number): string {
  return `${bytes / 1024} KiB`;
}

/** A bound of `limits` as the page writes it. */
function toText(name: string, value: number): string {
  if (/Ms/.test(name)) return toDuration(value);
  if (!/Bytes|Characters/.test(name) || value < 1024) return String(value);
  const kibibytes = (value % 1024 ** 2) / 1024;
  const mebibytes = Math.floor(value / 1024 ** 2);
  if (mebibytes >= 1024) return `${mebibytes / 1024} GiB`;
  if (mebibytes === 0) return `${kibibytes} KiB`;
  return kibibytes === 0 ? `${mebibytes} MiB` : `${mebibytes} MiB and ${kibibytes} KiB`;
}

function toDuration(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000} h`;
  return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1000} s`;
}
