import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { createClient } from "../../src/client.ts";
import { runCommandLine, usageError } from "../support/command-line.ts";
import { startFaultyProxy, status } from "../support/faulty-proxy.ts";
import { randomBytes, startRegistry, type TestRegistry } from "../support/registry.ts";

const missing = "0".repeat(64);

let registry: TestRegistry;
let key: string;

beforeAll(async () => {
  registry = await startRegistry();
  key = (await createClient({ url: registry.url }).upload(randomBytes(3_000_000))).hash;
});

afterAll(async () => {
  await registry.stop();
});

async function stat(...words: readonly string[]) {
  return await runCommandLine(["stat", ...words], { environment: { REGISTRY_URL: registry.url } });
}

describe("registry stat", () => {
  it("tells size and age of blobs by either key, in lower case", async () => {
    const short = key.slice(0, 32);
    const { stdout, stderr, exitCode } = await stat(short.toUpperCase(), key);
    const [first = "", second, ...rest] = stdout.split("\n");
    expect(first).toMatch(/^[0-9a-f]{32} {2}3000000 {2}\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(first).toStartWith(short);
    expect(second).toBe(first.replace(short, key));
    expect(rest).toEqual([""]);
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  });

  it("says which are missing, and counts that as a failure", async () => {
    const { stdout, stderr, exitCode } = await stat(missing, key);
    expect(stdout).toStartWith(`${missing}  missing\n${key}  3000000  `);
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 1 });
  });

  it("prints a line of JSON for each with --json", async () => {
    const { stdout, exitCode } = await stat("--json", key.slice(0, 32), missing);
    const [found, absent] = stdout.trimEnd().split("\n");
    const { created_at: createdAt, ...facts } = JSON.parse(found ?? "") as { created_at: string };
    expect<object>(facts).toEqual({
      key: key.slice(0, 32),
      exists: true,
      hash: key,
      size: 3_000_000,
    });
    expect(createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(JSON.parse(absent ?? "")).toEqual({ key: missing, exists: false });
    expect(exitCode).toBe(1);
  });

  it("shows a dash for an age that nobody knows", async () => {
    const fields = { headers: { "Content-Length": "5", ETag: `"${key}"` } };
    const server = Bun.serve({ port: 0, fetch: () => new Response(null, fields) });
    expect((await stat(key, "--url", server.url.href)).stdout).toBe(`${key}  5  -\n`);
    expect((await stat(key, "--json", "--url", server.url.href)).stdout).toContain(
      '"created_at":null',
    );
    await server.stop(true);
  });

  it("asks every key once, and in their order", async () => {
    const keys = Array.from({ length: 30 }, (_, index) => String(index).padStart(32, "0"));
    const proxy = startFaultyProxy(registry.url);
    const { stdout } = await stat(...keys, "--url", proxy.url);
    await proxy.stop();
    expect(stdout).toBe(keys.map((name) => `${name}  missing\n`).join(""));
    expect(proxy.seen).toHaveLength(30);
  });

  it("does not take another server's 404 for an answer", async () => {
    const proxy = startFaultyProxy(registry.url);
    proxy.failAlways(status(404));
    const { stdout, stderr, exitCode } = await stat(key, "--url", proxy.url);
    await proxy.stop();
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^registry: [0-9a-f]{64}: The answer of http:\S+ has status 404\.\n$/);
    expect(exitCode).toBe(1);
  });

  it("needs a key", async () => {
    expect(await stat()).toEqual(usageError("stat needs the key of a blob"));
    expect(await stat("--output=x", key)).toEqual(usageError("stat takes no --output"));
    expect((await stat(key, "zz")).exitCode).toBe(2);
  });
});
