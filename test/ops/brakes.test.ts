import { afterEach, describe, expect, it } from "bun:test";
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BlobKey } from "../../src/domain/blob-key.ts";
import { toHex, type Bytes } from "../../src/domain/bytes.ts";
import { takeDown } from "../../src/storage/takedowns.ts";
import { hashing, randomBlob, shortKey } from "../support/blobs.ts";
import { insertRow } from "../support/damage.ts";
import { uploaderBody } from "../support/form.ts";
import { sharedPostgres } from "../support/postgres.ts";
import { rawRequest } from "../support/raw-http.ts";
import {
  nothingStored,
  startRegistry,
  stores,
  temporaryDirectory,
  type TestRegistry,
} from "../support/registry.ts";
import { migrationNames } from "../support/schema.ts";

let cleanUp: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.toReversed()) await clean();
  cleanUp = [];
});

async function started(
  start: typeof startRegistry,
  options: Parameters<typeof startRegistry>[0],
): Promise<TestRegistry> {
  const registry = await start(options);
  cleanUp.push(() => registry.stop());
  return registry;
}

async function post({ api }: TestRegistry, data: Bytes): Promise<Response> {
  const { body, contentType } = uploaderBody(data);
  return await fetch(api, { method: "POST", body, headers: { "Content-Type": contentType } });
}

async function put({ api }: TestRegistry, hash: BlobKey, body: Bytes): Promise<Response> {
  return await fetch(`${api}/${toHex(hash)}`, { method: "PUT", body });
}

async function codeOf(response: Response): Promise<unknown> {
  const { code } = (await response.json()) as { readonly code?: unknown };
  return [response.status, code];
}

const gone = [451, "taken_down"];
const cacheBytesMax = 1024 * 1024;

describe.each(stores)("a taken-down key over %s", (_, start) => {
  it("is refused in every form and by every way, cached or not, and tells nothing", async () => {
    const registry = await started(start, { cacheBytesMax, cdnDomain: "cdn.test" });
    const { api, url, app, database } = registry;
    const blob = randomBlob(1000);
    const paths = [blob.hash, shortKey(blob.hash)].map((key) => `${api}/${toHex(key)}`);
    await post(registry, blob.data);
    for (const path of paths) expect((await fetch(path)).status).toBe(200);
    expect(registry.app.measures.cache.entries).toBe(1);

    await takeDown(database, hashing, shortKey(blob.hash));
    await app.brakes.reload();
    const etag = `"${toHex(blob.hash)}"`;
    const host = `${toHex(shortKey(blob.hash))}.cdn.test`;
    const asked: (readonly [string, RequestInit?])[] = paths.flatMap((path) => [
      [path],
      [path, { headers: { Range: "bytes=0-1" } }],
      [path, { headers: { "If-None-Match": etag } }],
      [path, { headers: { "If-Match": '"other"' } }],
      [path, { headers: { "Want-Repr-Digest": "sha-256=1" } }],
    ]);
    asked.push([url, { headers: { Host: host } }]);
    for (const [target, init] of asked) {
      const response = await fetch(target, init);
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(["etag", "last-modified"].map((name) => response.headers.get(name))).toEqual([
        null,
        null,
      ]);
      expect(await codeOf(response)).toEqual(gone);
    }
    const head = await fetch(paths[0] ?? "", { method: "HEAD" });
    expect([head.status, head.headers.get("etag")]).toEqual([451, null]);
    expect(await codeOf(await post(registry, blob.data))).toEqual(gone);
    expect(await codeOf(await put(registry, blob.hash, blob.data))).toEqual(gone);
    expect(await registry.rowCounts()).toEqual(nothingStored);
  });

  it("is refused to a large upload, of which nothing stays", async () => {
    const registry = await started(start, {});
    const blob = randomBlob(3 * 1024 * 1024);
    await takeDown(registry.database, hashing, blob.hash);
    await registry.app.brakes.reload();
    expect(await codeOf(await post(registry, blob.data))).toEqual(gone);
    await registry.stop();
    cleanUp.length = 0;
  });

  it("counts as missing: an upload of it is told why", async () => {
    const registry = await started(start, {});
    const [taken, here] = [randomBlob(10), randomBlob(10)];
    for (const { data } of [taken, here]) await post(registry, data);
    await takeDown(registry.database, hashing, taken.hash);
    await registry.app.brakes.reload();
    const response = await fetch(`${registry.api}/exists`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ hashes: [taken, here].map(({ hash }) => toHex(hash)) }),
    });
    expect(await response.json()).toEqual({ missing: [toHex(taken.hash)] });
  });
});

it("a PUT of a taken-down key is refused before its body is read", async () => {
  const registry = await started(startRegistry, {});
  const { hash } = randomBlob(10);
  await takeDown(registry.database, hashing, hash);
  await registry.app.brakes.reload();
  const head = `PUT /api/v1/metadata/${toHex(hash)} HTTP/1.1\r\nHost: r\r\n`;
  const { status } = await rawRequest(registry.port, `${head}Content-Length: 1000\r\n\r\nx`);
  expect(status).toBe(451);
});

describe("--deny-list", () => {
  async function withList(text: string): Promise<TestRegistry & { readonly file: string }> {
    const directory = temporaryDirectory();
    cleanUp.push(() => rmSync(directory, { recursive: true }));
    const file = join(directory, "list");
    writeFileSync(file, text);
    const options = { denyListFile: file, cacheBytesMax };
    return { ...(await started(startRegistry, options)), file };
  }

  it("denies from the start, and what is added at once, also what is cached", async () => {
    const [listed, added] = [randomBlob(10), randomBlob(10)];
    const registry = await withList(`${toHex(listed.hash)} # order 1\n`);
    expect(await codeOf(await post(registry, listed.data))).toEqual(gone);
    await post(registry, added.data);
    const path = `${registry.api}/${toHex(added.hash)}`;
    await fetch(path);
    expect((await fetch(path)).status).toBe(200);

    appendFileSync(registry.file, `${toHex(shortKey(added.hash))}\n`);
    expect((await fetch(path)).status).toBe(200); // nobody said that it has changed
    await registry.app.brakes.reload();
    expect(await codeOf(await fetch(path))).toEqual(gone);
    expect((await registry.rowCounts()).blobs).toBe(1); // it deletes nothing

    writeFileSync(registry.file, "");
    await registry.app.brakes.reload();
    expect((await fetch(path)).status).toBe(200);
  });

  it("stays as it was while its file is wrong, and says which line is", async () => {
    const { hash } = randomBlob(10);
    const registry = await withList(`${toHex(hash)}\n`);
    appendFileSync(registry.file, "no key\n");
    await registry.app.brakes.reload();
    expect(registry.app.measures.brakes.denied.denies(hash)).toBe(true);
    expect(registry.lines.filter(({ level }) => level === "error")).toMatchObject([
      {
        message: "the deny list cannot be read: the one before stays in force",
        keys: 1,
        why: expect.stringContaining('line 2: "no key" is no key'),
      },
    ]);
  });
});

describe("--max-stored-bytes", () => {
  it("refuses uploads beyond it, before their bodies, and goes on serving", async () => {
    const probe = await started(startRegistry, { storedBytesMax: 1024 ** 4 });
    const base = probe.app.measures.brakes.quota.bytesUsed() ?? 0;
    expect(base).toBeGreaterThan(0);
    const registry = await started(startRegistry, { storedBytesMax: base + 3000 });
    const blob = randomBlob(2000);
    expect((await post(registry, blob.data)).status).toBe(200);
    expect(await codeOf(await post(registry, randomBlob(2000).data))).toEqual([
      507,
      "quota_exceeded",
    ]);
    const { hash, data } = randomBlob(900);
    expect((await put(registry, hash, data)).status).toBe(201);
    expect(await codeOf(await put(registry, hash, data))).toEqual([507, "quota_exceeded"]);
    const head = "POST /api/v1/metadata HTTP/1.1\r\nHost: r\r\n";
    const refused = await rawRequest(registry.port, `${head}Content-Length: 100000\r\n\r\nx`);
    expect(refused.status).toBe(507);
    expect((await fetch(`${registry.api}/${toHex(blob.hash)}`)).status).toBe(200);
    const ready = await fetch(`${registry.url}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([
      200,
      {
        status: "ok",
        checks: { quota: { status: "ok", detail: expect.stringMatching(/^\d+ % of/) } },
      },
    ]);
    expect(registry.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("tells /readyz that uploads are out, which is no reason to go elsewhere", async () => {
    const registry = await started(startRegistry, { storedBytesMax: 1 });
    const ready = await fetch(`${registry.url}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([
      200,
      {
        status: "ok",
        checks: {
          quota: { status: "degraded", detail: expect.stringMatching(/: uploads are refused$/) },
        },
      },
    ]);
  });
});

describe("--read-only", () => {
  it("serves everything to a role that may only read, and refuses uploads unread", async () => {
    const server = await sharedPostgres();
    const database = await server.createDatabase();
    cleanUp.push(() => database.drop());
    const reader = `${database.name}_reader`;
    const writing = await startRegistry({ database });
    const [small, large, short] = [randomBlob(10), randomBlob(3 * 1024 * 1024), randomBlob(20)];
    for (const { data } of [small, large]) await post(writing, data);
    await insertRow(writing.database, shortKey(short.hash), short);
    const taken = randomBlob(10);
    await takeDown(writing.database, hashing, taken.hash);
    await writing.stop();
    await server.query(`CREATE ROLE ${reader} LOGIN PASSWORD 'reader'`, database.name);
    await server.query(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${reader}`, database.name);
    cleanUp.push(async () => {
      await server.query(`DROP OWNED BY ${reader}`, database.name);
      await server.query(`DROP ROLE ${reader}`);
    });

    const asReader = { ...database, user: reader, password: "reader" };
    const registry = await started(startRegistry, { database: asReader, readOnly: true });
    for (const { hash, data } of [small, large, short]) {
      for (const key of [hash, shortKey(hash)]) {
        const response = await fetch(`${registry.api}/${toHex(key)}`);
        expect(Buffer.compare(await response.bytes(), data)).toBe(0);
      }
    }
    expect(await codeOf(await fetch(`${registry.api}/${toHex(taken.hash)}`))).toEqual(gone);
    expect(await codeOf(await post(registry, small.data))).toEqual([503, "read_only"]);
    const refused = await put(registry, small.hash, small.data);
    expect(refused.headers.get("retry-after")).toBeNull(); // nobody knows when
    expect(await codeOf(refused)).toEqual([503, "read_only"]);
    const exists = await fetch(`${registry.api}/exists`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ hashes: [toHex(small.hash)] }),
    });
    expect(await exists.json()).toEqual({ missing: [] });
    const ready = await fetch(`${registry.url}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([
      200,
      { status: "ok", checks: { read_only: { status: "ok" } } },
    ]);
    await registry.app.brakes.reload();
    await registry.app.measures.size.ask();
    expect(registry.app.measures.size.latest()?.bytes).toBeGreaterThan(0);
    const troubles = registry.lines.filter(({ level }) => level === "warn" || level === "error");
    expect(troubles).toEqual([]);
  });

  it("does not bring a database up to date, but says what it lacks", async () => {
    const database = await (await sharedPostgres()).createDatabase();
    cleanUp.push(() => database.drop());
    await expect(startRegistry({ database, readOnly: true })).rejects.toThrow(
      `the database lacks ${migrationNames.join(", ")}; run registry migrate first`,
    );
  });
});
