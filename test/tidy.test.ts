import { describe, expect, it } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { Glob } from "bun";

interface Allowance {
  readonly rooms: string;
  readonly packages: string;
}

/**
 * The house plan: which rooms, and which packages, the files of a room may name. A type import of
 * a package is free, except in the domain.
 */
const plan: Readonly<Record<string, Allowance>> = {
  "client.ts": { rooms: "", packages: "" },
  domain: { rooms: "", packages: "" },
  hashing: { rooms: "domain", packages: "node:fs @napi-rs/blake-hash blake3-wasm" },
  multipart: { rooms: "domain", packages: "" },
  auth: { rooms: "domain", packages: "node:crypto" },
  "rate-limit": { rooms: "domain", packages: "" },
  tracing: { rooms: "domain", packages: "node:async_hooks" },
  storage: {
    rooms: "domain migrations tracing",
    packages: "bun bun:sqlite node:dns node:fs node:net node:path",
  },
  http: {
    rooms: "domain multipart auth rate-limit tracing package.json",
    packages: "bun node:net elysia @elysiajs/swagger structured-headers swagger-ui-dist",
  },
  ops: {
    rooms: "domain hashing multipart auth rate-limit tracing storage http package.json",
    packages:
      "bun node:crypto node:dns node:fs node:net node:os node:path node:tty node:util " +
      "@opentelemetry/api @opentelemetry/exporter-metrics-otlp-proto " +
      "@opentelemetry/exporter-prometheus @opentelemetry/exporter-trace-otlp-proto " +
      "@opentelemetry/resources @opentelemetry/sdk-metrics @opentelemetry/sdk-node " +
      "@opentelemetry/sdk-trace uplot",
  },
  cli: {
    rooms: "client.ts domain hashing ops package.json",
    packages: "bun citty node:crypto node:fs node:os node:path node:util",
  },
  "main.ts": { rooms: "domain ops cli", packages: "" },
};

/** Rooms that stand on the language, or on the web platform, alone. */
const rootless = ["client.ts", "domain"];

/** Folders of `test/` whose tests are about no single file of `src/`. */
const workshops = [
  "client",
  "contract",
  "deploy",
  "drive",
  "e2e",
  "faults",
  "fuzz",
  "regression",
  "support",
];
const houseTests = ["docs.test.ts", "http/edges.test.ts", "openapi.test.ts", "tidy.test.ts"];

const columnsMax = 100;
const linesMax = { source: 300, test: 400 };
/** Whoever takes the client into a program of their own wants one file, BLAKE3 included. */
const linesMaxOf: Readonly<Record<string, number>> = { "src/client.ts": 640 };
const vagueNames = /(?:^|\/)(?:common|helpers?|index|misc|types|utils?)\.ts$/;

// Written so that this file does not find itself.
const leftovers =
  /\b(?:T[O]DO|F[I]XME|X[X]X)\b|@ts-(?:i[g]nore|n[o]check)|\.o[n]ly\(|\bd[e]bugger;/;
const machinePath = /(?<![\w.$/}])\/(?:w[o]rk|r[o]ot)\//;

const importPattern =
  /^(?:import|export)\b(?<type>\s+type\b)?(?:[^;"'`]*?\bfrom)?\s*["'](?<target>[^"']+)["']/gm;
const callPattern = /(?<![\w.])(?:import|require)\(\s*(?:["'`](?<target>[^"'`$]+)["'`])?/g;

describe("the tree keeps to the house rules", () => {
  it("imports only what the plan of the rooms allows", () => {
    expect(complaintsOf("src/**/*.ts", importComplaints)).toEqual([]);
  });

  it("has no file too long, no line too wide, no vague name and nothing left over", () => {
    expect(complaintsOf("{src,test,bench,scripts}/**/*.ts", textComplaints)).toEqual([]);
  });

  it("names no path of a developer's machine", () => {
    const files = "{src,test,bench,scripts,migrations,docs,deploy,.ci}/**/*";
    expect(complaintsOf(files, machineComplaints)).toEqual([]);
    expect(complaintsOf("{*.md,*.json,*.toml,.*.json}", machineComplaints)).toEqual([]);
  });

  it("tests every file under that file's own path", () => {
    expect(mirrorComplaints(pathsOf("test/**/*.test.ts"), pathsOf("src/**/*.ts"))).toEqual([]);
  });

  it("numbers its migrations without gaps, and builds each one in", () => {
    const builtIn = readText("src/storage/migrations.ts");
    for (const dialect of ["postgres", "sqlite"]) {
      expect(migrationComplaints(pathsOf(`migrations/${dialect}/*`), builtIn)).toEqual([]);
    }
  });

  it("gives every document one title, and no link that leads nowhere", () => {
    expect(complaintsOf("{*.md,docs/**/*.md}", documentComplaints)).toEqual([]);
  });
});

describe("importComplaints", () => {
  const trespasses: [path: string, text: string, complaint: string][] = [
    ["src/domain/a.ts", 'import { SQL } from "bun";', "domain may not import bun"],
    ["src/domain/a.ts", 'import type { SQL } from "bun";', "domain may not import bun"],
    ["src/domain/a.ts", "const id = Bun.randomUUIDv7();", "domain may not name Bun or process"],
    ["src/domain/a.ts", 'import {\n  x,\n} from "../http/x.ts";', "domain may not import http"],
    ["src/http/routes/a.ts", 'export * from "../../storage/x.ts";', "http may not import storage"],
    ["src/http/a.ts", 'import type { X } from "../storage/x.ts";', "http may not import storage"],
    ["src/storage/a.ts", 'import "../http/x.ts";', "storage may not import http"],
    ["src/storage/a.ts", 'const x = await import("elysia");', "storage may not import elysia"],
    ["src/storage/a.ts", "await import(`../ops/x.ts`);", "storage may not import ops"],
    ["src/ops/a.ts", 'require("citty");', "ops may not import citty"],
    ["src/ops/a.ts", 'import x from "../../test/x.ts";', "ops may not import test"],
    ["src/http/a.ts", 'import x from "@elysiajs/cors";', "http may not import @elysiajs/cors"],
    ["src/main.ts", 'import x from "./http/x.ts";', "main.ts may not import http"],
    ["src/ops/a.ts", "await import(name);", "ops may not import what only run time knows"],
    ["src/client.ts", 'import x from "./domain/x.ts";', "client.ts may not import domain"],
    ["src/client.ts", "const id = process.pid;", "client.ts may not name Bun or process"],
    ["src/http/a.ts", 'import x from "../client.ts";', "http may not import client.ts"],
    ["src/attic/a.ts", "", "the plan has no room attic"],
  ];

  it.each(trespasses)("sees a trespass in %s: %s", (path, text, complaint) => {
    expect(importComplaints(path, `${text}\n`)).toEqual([`${path}: ${complaint}`]);
  });

  it("lets pass what the plan allows", () => {
    const allowed: [path: string, text: string][] = [
      ["src/domain/a.ts", 'import { x } from "./b.ts"; // not even Bun.'],
      ["src/http/routes/a.ts", 'import { x } from "../b.ts";'],
      ["src/http/a.ts", 'import type { X } from "typebox";'],
      ["src/http/a.ts", 'import css from "swagger-ui-dist/x.css" with { type: "file" };'],
      ["src/storage/a.ts", 'import x from "../../migrations/sqlite/1.sql" with { type: "text" };'],
      ["src/hashing/a.ts", 'const addon = require("@napi-rs/blake-hash");'],
      ["src/cli/a.ts", 'const { x } = await import("../ops/x.ts");'],
      ["src/cli/a.ts", 'import manifest from "../../package.json" with { type: "json" };'],
    ];
    expect(allowed.flatMap(([path, text]) => importComplaints(path, text))).toEqual([]);
  });
});

describe("textComplaints", () => {
  it.each([
    "// T~ODO: later",
    "// F~IXME",
    "// X~XX",
    "// @~ts-ignore",
    "it.~only(x)",
    "d~ebugger;",
  ])("sees %s", (planted) => {
    const complaints = textComplaints("src/domain/a.ts", planted.replace("~", ""));
    expect(complaints).toEqual(["src/domain/a.ts:1: leftover"]);
  });

  it("sees a line too wide", () => {
    const complaints = textComplaints("src/domain/a.ts", `\nconst x = "${"word ".repeat(20)}";`);
    expect(complaints).toEqual(["src/domain/a.ts:2: over 100 columns"]);
  });

  it("lets a line be wide for a word that cannot be broken, and for test vectors", () => {
    expect(textComplaints("src/domain/a.ts", `// see http://x.test/${"a".repeat(90)}`)).toEqual([]);
    expect(textComplaints("test/support/a.ts", `"${"word ".repeat(20)}"`)).toEqual([]);
  });

  it("counts lines: 300 in a source, 400 in a test", () => {
    expect(textComplaints("src/ops/a.ts", "\n".repeat(300))).toEqual([]);
    expect(textComplaints("src/ops/a.ts", "\n".repeat(301))).toEqual([
      "src/ops/a.ts: 301 lines, 300 is the most",
    ]);
    expect(textComplaints("test/ops/a.test.ts", "\n".repeat(400))).toEqual([]);
    expect(textComplaints("test/ops/a.test.ts", "\n".repeat(401))).toHaveLength(1);
  });

  it("sees a name that says nothing", () => {
    expect(textComplaints("src/http/utils.ts", "")).toHaveLength(1);
    expect(textComplaints("src/http/routes/index.ts", "")).toHaveLength(1);
  });
});

describe("machineComplaints", () => {
  it("sees a developer's path, and only that", () => {
    const complaint = ["docs/a.md:2: names a developer's machine"];
    expect(machineComplaints("docs/a.md", "\ncd /~work/main".replace("~", ""))).toEqual(complaint);
    expect(machineComplaints("docs/a.md", '\nls "/~root/.npm"'.replace("~", ""))).toEqual(
      complaint,
    );
    const others = "/$bunfs/~root/registry, net/~work/x, ./~work/x".replaceAll("~", "");
    expect(machineComplaints("docs/a.md", others)).toEqual([]);
  });
});

describe("mirrorComplaints", () => {
  it("sees a test whose source is not there", () => {
    const tests = ["test/ops/log.test.ts", "test/ops/gone.test.ts", "test/e2e/stop.test.ts"];
    expect(mirrorComplaints(tests, ["src/ops/log.ts"])).toEqual([
      "test/ops/gone.test.ts: there is no src/ops/gone.ts",
    ]);
  });
});

describe("migrationComplaints", () => {
  it("sees a gap, a number used twice, a bad name and a file not built in", () => {
    const builtIn = '"../../m/0001-a.sql" "../../m/0002-b.sql" "../../m/0003-c.sql"';
    const trespasses: [paths: string, complaints: string[]][] = [
      ["m/0001-a.sql m/0002-b.sql m/0003-c.sql", []],
      ["m/0001-a.sql m/0003-c.sql", ["m/0003-c.sql: expected 0002-….sql"]],
      ["m/0001-a.sql m/0001-a.sql", ["m/0001-a.sql: expected 0002-….sql"]],
      ["m/0001-z.sql", ["m/0001-z.sql: migrations.ts does not build it in"]],
      [
        "m/1-a.sql",
        ["m/1-a.sql: expected 0001-….sql", "m/1-a.sql: migrations.ts does not build it in"],
      ],
    ];
    for (const [paths, complaints] of trespasses) {
      expect(migrationComplaints(paths.split(" "), builtIn)).toEqual(complaints);
    }
    expect(migrationComplaints([], builtIn)).toEqual(["no migrations found"]);
  });
});

describe("documentComplaints", () => {
  it("sees a missing or second title, not what looks like one in a code block", () => {
    expect(documentComplaints("README.md", "# A\n\n```sh\n# a comment\n```\n")).toEqual([]);
    expect(documentComplaints("README.md", "# A\n\n# B\n")).toEqual([
      "README.md: 2 titles, not one",
    ]);
    expect(documentComplaints("README.md", "A\n")).toEqual(["README.md: 0 titles, not one"]);
  });

  it("sees a relative link that leads nowhere", () => {
    const text =
      "# A\n[b](LICENSE) [c](https://x.test/) [d](#a) [e](gone.md#x)\n[f]: docs/gone.md\n";
    expect(documentComplaints("README.md", text)).toEqual([
      "README.md: gone.md#x leads nowhere",
      "README.md: docs/gone.md leads nowhere",
    ]);
    expect(documentComplaints("docs/a.md", "# A\n[b](../LICENSE)")).toEqual([]);
    expect(documentComplaints("docs/a.md", "# A\n[b](LICENSE)")).toHaveLength(1);
  });
});

// --- internal ---

function pathsOf(pattern: string): string[] {
  return [...new Glob(pattern).scanSync({ cwd: root(), dot: true })].toSorted();
}

function root(): string {
  return dirname(import.meta.dir);
}

function readText(path: string): string {
  return readFileSync(join(root(), path), "utf8");
}

function complaintsOf(pattern: string, check: (path: string, text: string) => string[]): string[] {
  return pathsOf(pattern).flatMap((path) => check(path, readText(path)));
}

function importComplaints(path: string, text: string): string[] {
  const room = path.split("/")[1] ?? "";
  const allowed = plan[room];
  if (allowed === undefined) return [`${path}: the plan has no room ${room}`];
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, "");
  const found: string[] = [];
  if (rootless.includes(room) && /\b(?:Bun|process)\.\w/.test(code)) {
    found.push(`${path}: ${room} may not name Bun or process`);
  }
  for (const { groups } of [...code.matchAll(importPattern), ...code.matchAll(callPattern)]) {
    const target = groups?.["target"] ?? "what only run time knows";
    const isLocal = target.startsWith(".");
    const name = isLocal ? roomOf(path, target) : packageOf(target);
    const isFree = isLocal ? name === room : room !== "domain" && groups?.["type"] !== undefined;
    const names = (isLocal ? allowed.rooms : allowed.packages).split(" ");
    if (!isFree && !names.includes(name)) found.push(`${path}: ${room} may not import ${name}`);
  }
  return found;
}

/** `domain` for src/domain/…, `migrations` for what lies outside of src. */
function roomOf(path: string, target: string): string {
  const [top = "", room = ""] = normalize(join(dirname(path), target)).split("/");
  return top === "src" ? room : top;
}

function packageOf(target: string): string {
  return target.split("/", target.startsWith("@") ? 2 : 1).join("/");
}

function textComplaints(path: string, text: string): string[] {
  const lines = text.replace(/\n$/, "").split("\n");
  const found: string[] = [];
  const usual = path.startsWith("test/") ? linesMax.test : linesMax.source;
  const most = linesMaxOf[path] ?? usual;
  if (lines.length > most) found.push(`${path}: ${lines.length} lines, ${most} is the most`);
  if (vagueNames.test(path)) found.push(`${path}: a name that does not say what is in it`);
  for (const [index, line] of lines.entries()) {
    const isExcepted = path.startsWith("test/support/") || /\S{60}/.test(line);
    if (line.length > columnsMax && !isExcepted) {
      found.push(`${path}:${index + 1}: over ${columnsMax} columns`);
    }
    if (leftovers.test(line)) found.push(`${path}:${index + 1}: leftover`);
  }
  return found;
}

function machineComplaints(path: string, text: string): string[] {
  const lines = [...text.split("\n").entries()].filter(([, line]) => machinePath.test(line));
  return lines.map(([index]) => `${path}:${index + 1}: names a developer's machine`);
}

function mirrorComplaints(tests: readonly string[], sources: readonly string[]): string[] {
  const found: string[] = [];
  for (const path of tests) {
    const [, room = ""] = path.split("/");
    const source = path.replace(/^test\//, "src/").replace(/\.test\.ts$/, ".ts");
    const isFree = workshops.includes(room) || houseTests.includes(path.replace(/^test\//, ""));
    if (!isFree && !sources.includes(source)) found.push(`${path}: there is no ${source}`);
  }
  return found;
}

function migrationComplaints(paths: readonly string[], builtIn: string): string[] {
  const found = paths.length === 0 ? ["no migrations found"] : [];
  for (const [index, path] of paths.entries()) {
    const number = String(index + 1).padStart(4, "0");
    const name = path.split("/").at(-1) ?? "";
    const isInOrder = name.startsWith(`${number}-`) && /^\d{4}-[a-z0-9-]+\.sql$/.test(name);
    if (!isInOrder) found.push(`${path}: expected ${number}-….sql`);
    if (!builtIn.includes(`/${path}"`)) found.push(`${path}: migrations.ts does not build it in`);
  }
  return found;
}

function documentComplaints(path: string, text: string): string[] {
  const prose = text.replaceAll(/^(```+|~~~+)[\s\S]*?^\1\s*$/gm, "").replaceAll(/`[^`\n]*`/g, "");
  const titles = prose.match(/^# \S/gm)?.length ?? 0;
  const found = titles === 1 ? [] : [`${path}: ${titles} titles, not one`];
  const links = prose.matchAll(/\]\(<?(?<inline>[^)\s>]+)|^\[[^\]]+\]:\s+(?<reference>\S+)/gm);
  for (const { groups } of links) {
    const link = groups?.["inline"] ?? groups?.["reference"] ?? "";
    if (/^(?:[a-z][a-z0-9+.-]*:|#)/i.test(link)) continue;
    const target = join(root(), dirname(path), decodeURI(link.replace(/[#?].*$/, "")));
    const isOutside = relative(root(), target).startsWith("..");
    if (isOutside || !existsSync(target)) found.push(`${path}: ${link} leads nowhere`);
  }
  return found;
}
