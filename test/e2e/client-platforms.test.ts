import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { cpSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Browser, Page } from "playwright-core";
import manifest from "../../package.json" with { type: "json" };
import vectors from "../support/blake3-vectors.json" with { type: "json" };
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { hasChromium, launchChromium } from "./support/chromium.ts";
import {
  probeBytes,
  probeClient,
  probeSizes,
  type ProbeOptions,
  type ProbeReport,
} from "./support/client-probe.ts";
import { runCommand } from "./support/commands.ts";
import type { Registry } from "./support/observation.ts";

const root = join(import.meta.dir, "../..");
const node = Bun.which("node");
if (node === null) process.stderr.write("no Node, so the client is NOT tested in it\n");

let home: BinaryHome;
let registry: Registry;
/** A project of somebody who has installed the package. */
let project: string;

beforeAll(async () => {
  home = createBinaryHome();
  registry = await home.start([...anyPort, "--embedded", "data", "--max-blob-size", "24MiB"]);
  project = home.newDirectory();
  const installed = join(project, "node_modules", manifest.name);
  for (const file of ["package.json", ...manifest.files]) {
    mkdirSync(dirname(join(installed, file)), { recursive: true });
    cpSync(join(root, file), join(installed, file));
  }
});

afterAll(async () => {
  await home.remove();
});

const origin = (): string => `http://localhost:${registry.port()}`;

const expectedReport = {
  wrongHashes: [],
  wrongDownloads: [],
  streamed: { bytes: 9_000_000, isClosed: true },
  stat: { size: 600, hasDate: true },
  missing: null,
  exists: [false, true],
} as const;

describe.each([
  ["Bun", process.execPath],
  ["Node", node],
] as const)("the client, installed, in %s", (_, program) => {
  async function run(name: string, text: string) {
    await Bun.write(join(project, name), text);
    return await runCommand([program ?? "", name], { directory: project });
  }

  it.skipIf(program === null)("uploads, downloads and asks", async () => {
    const options: ProbeOptions = {
      module: "mycelium-cdn-registry/client",
      url: origin(),
      keys: null,
      cases: vectors.cases,
    };
    const call = `await probeClient(${JSON.stringify(options)})`;
    const text = `${probeClient.toString()}\nconsole.log(JSON.stringify(${call}));\n`;
    const ended = await run("probe.mjs", text);
    expect(ended).toMatchObject({ stderr: "", exitCode: 0 });
    const report = JSON.parse(ended.stdout) as ProbeReport;
    expect(report).toMatchObject(expectedReport);
    expect(report.uploads.map(({ size }) => size)).toEqual(probeSizes);
    expect(report.failures).toEqual(["not_found", "wrong_bytes", "blob_too_large"]);
  });

  it.skipIf(program === null)("does what docs/client.md shows", async () => {
    const page = await Bun.file(join(root, "docs/client.md")).text();
    const examples = [...page.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);
    expect(examples.length).toBeGreaterThan(3);
    for (const [index, example] of examples.entries()) {
      const code = example.replaceAll("http://localhost:8080", origin());
      const shown = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(
        ([, text = ""]) => text,
      );
      const ended = await run(`example-${index}.mjs`, code);
      // The first upload of a run is not the first here.
      const printed = ended.stdout.replace("15 false", "15 true").trimEnd().split("\n");
      expect({ ...ended, stdout: printed.filter(Boolean) }).toEqual({
        exitCode: 0,
        stderr: "",
        stdout: shown,
      });
    }
    const copy = await Bun.file(join(project, "copy.bin")).bytes();
    expect(copy.length).toBe(20_000_000);
  });
});

describe.skipIf(!hasChromium("the client in a browser"))("the client in a browser", () => {
  let browser: Browser;
  let elsewhere: Bun.Server<undefined>;

  beforeAll(async () => {
    browser = await launchChromium();
    const script = Bun.file(join(root, "dist/client.js"));
    elsewhere = Bun.serve({
      port: 0,
      routes: {
        "/client.js": () => new Response(script),
        "/": () => new Response("<!doctype html>", { headers: { "Content-Type": "text/html" } }),
      },
    });
  });

  afterAll(async () => {
    await elsewhere.stop(true);
    await browser.close();
  });

  async function probe(page: Page, keys: ProbeOptions["keys"]): Promise<ProbeReport> {
    const module = new URL("/client.js", page.url()).href;
    return await page.evaluate(probeClient, { module, url: origin(), keys, cases: vectors.cases });
  }

  it("uploads, downloads and asks from a page of the registry's own", async () => {
    const page = await browser.newPage();
    // The registry has no such page; whose it is, is all that counts.
    await page.route(`${origin()}/page`, (route) =>
      route.fulfill({ contentType: "text/html", body: "<!doctype html>" }),
    );
    await page.route(`${origin()}/client.js`, (route) =>
      route.fulfill({ path: join(root, "dist/client.js"), contentType: "text/javascript" }),
    );
    await page.goto(`${origin()}/page`);
    const report = await probe(page, null);
    expect(report).toMatchObject(expectedReport);
    expect(report.uploads.map(({ size }) => size)).toEqual(probeSizes);
    expect(report.failures).toEqual(["not_found", "wrong_bytes", "blob_too_large"]);
    await page.close();
  });

  it("downloads and asks from a page of another origin, which may not upload", async () => {
    const keys = Object.fromEntries(await Promise.all(probeSizes.map(uploaded)));
    const page = await browser.newPage();
    await page.goto(elsewhere.url.href);
    const report = await probe(page, keys);
    expect(report).toMatchObject(expectedReport);
    const [missing, wrong, upload] = report.failures;
    expect([missing, wrong]).toEqual(["not_found", "wrong_bytes"]);
    expect(["network", "origin_not_allowed"]).toContain(upload ?? "");
    await page.close();
  });

  /** A blob of the probe, there already; its size and key. */
  async function uploaded(size: number): Promise<[number, string]> {
    const form = new FormData();
    form.set("data", new Blob([probeBytes(size)]));
    const response = await fetch(registry.api(), { method: "POST", body: form });
    return [size, ((await response.json()) as { readonly hash: string }).hash];
  }
});
