import { afterEach, beforeEach, describe, expect, it } from "bun:test";
import {
  copyFileSync,
  openSync,
  closeSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { canMount, mountSmallDisk, type SmallDisk } from "../drive/support/small-disk.ts";
import { randomBlob } from "../support/blobs.ts";
import { temporaryDirectory } from "../support/registry.ts";
import { startRegistryProcess, type RegistryProcess } from "../support/registry-process.ts";

const clearing: (() => unknown)[] = [];
afterEach(async () => {
  for (const clear of clearing.splice(0).toReversed()) await clear();
});

let directory: string;
let registry: RegistryProcess;
let url: string;
let stored: ReturnType<typeof randomBlob>[];

async function start(): Promise<void> {
  registry = startRegistryProcess(["serve", "--embedded", directory, "--cache-size", "0"]);
  clearing.push(() => registry.kill());
  ({ url } = await registry.listening);
}

async function put({ hash, data }: ReturnType<typeof randomBlob>): Promise<Response> {
  return await fetch(`${url}/api/v1/metadata/${hash.toHex()}`, { method: "PUT", body: data });
}

async function get({ hash }: ReturnType<typeof randomBlob>): Promise<Response> {
  return await fetch(`${url}/api/v1/metadata/${hash.toHex()}`);
}

async function storeSome(): Promise<void> {
  stored = Array.from({ length: 40 }, () => randomBlob(3000));
  for (const blob of stored) expect((await put(blob)).status).toBe(201);
}

async function expectAllThere(): Promise<void> {
  for (const blob of stored) {
    const answer = await get(blob);
    expect(answer.status).toBe(200);
    expect(await answer.bytes()).toEqual(new Uint8Array(blob.data));
  }
}

async function uploadCheck(): Promise<string> {
  const answer = await fetch(`${url}/readyz`);
  expect(answer.status).toBe(200);
  const { checks } = (await answer.json()) as { checks: Record<string, { detail: string }> };
  return checks["uploads"]?.detail ?? "none";
}

describe("the disk of an embedded store", () => {
  let disk: SmallDisk;
  beforeEach(() => {
    if (!canMount) return;
    disk = mountSmallDisk(8, temporaryDirectory());
    directory = join(disk.path, "..", "tablespace");
    clearing.push(() => disk.remove());
  });

  it.skipIf(!canMount)("is full: 507, reads go on, and the next upload works", async () => {
    await start();
    await storeSome();
    disk.fill();
    for (let n = 0; n < 3; n += 1) {
      const answer = await put(randomBlob(200_000));
      expect(answer.status).toBe(507);
      expect(await answer.json()).toMatchObject({ code: "storage_full" });
    }
    expect(await uploadCheck()).toStartWith("the last one failed: The disk is full");
    await expectAllThere();
    expect((await get(randomBlob(10))).status).toBe(404);
    disk.relieve();
    expect((await put(randomBlob(200_000))).status).toBe(201);
    expect(await uploadCheck()).toBe("none");
    await expectAllThere();
  });
});

describe("the file of an embedded store", () => {
  beforeEach(async () => {
    directory = temporaryDirectory();
    clearing.push(() => rmSync(directory, { recursive: true }));
    await start();
    await storeSome();
  });
  const file = (): string => join(directory, "registry.sqlite");

  async function expectUploadsFail(code = "database_unavailable"): Promise<void> {
    const answer = await put(randomBlob(100));
    expect(answer.status).toBe(503);
    expect(answer.headers.get("Retry-After")).toBe("1");
    expect(await answer.json()).toMatchObject({ code });
  }

  it("is moved away: no upload is said to be stored until it is back", async () => {
    renameSync(file(), `${file()}.aside`);
    await expectUploadsFail();
    expect(await uploadCheck()).toContain("is not where it was");
    await expectAllThere();
    renameSync(`${file()}.aside`, file());
    expect((await put(randomBlob(100))).status).toBe(201);
  });

  it("is replaced: no upload is said to be stored", async () => {
    copyFileSync(file(), `${file()}.copy`);
    renameSync(`${file()}.copy`, file());
    await expectUploadsFail();
  });

  it("is held by another process: uploads are refused, reads go on", async () => {
    const child = Bun.spawn([process.execPath, "-e", holding, file()], { stdout: "pipe" });
    const output = child.stdout.getReader();
    clearing.push(() => child.kill());
    await output.read();
    await expectUploadsFail("database_timeout");
    await expectAllThere();
    child.kill();
    await child.exited;
    expect((await put(randomBlob(100))).status).toBe(201);
  });

  it("is damaged: no false 404 and no false 200", async () => {
    registry.signal("SIGTERM"); // which moves all of the log into the file
    expect(await registry.exited).toBe(0);
    const { size } = statSync(file());
    const opened = openSync(file(), "r+");
    for (let at = 4096 * 20; at < size; at += 4096) {
      writeSync(opened, new Uint8Array(4096).fill(0xff), 0, 4096, at);
    }
    closeSync(opened);
    await start();
    let failed = 0;
    for (const blob of stored) {
      const answer = await get(blob);
      if (answer.status === 200) expect(await answer.bytes()).toEqual(new Uint8Array(blob.data));
      else expect(answer.status).toBe(500);
      failed += answer.status === 500 ? 1 : 0;
    }
    expect(failed).toBeGreaterThan(0);
  });
});

const holding =
  'const { Database } = require("bun:sqlite");' +
  "const database = new Database(process.argv.at(-1));" +
  'database.run("BEGIN IMMEDIATE"); console.log("held"); setInterval(() => {}, 1000);';
