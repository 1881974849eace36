import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseExposition } from "../support/exposition.ts";
import { freePort } from "../support/ports.ts";
import { connectRaw, rawRequest, type RawConnection } from "../support/raw-http.ts";
import { headOf, postOf, putOf, send } from "../support/raw-upload.ts";
import { eventually } from "../support/registry.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { mebibyte, missingBlobs, randomBlob, upload, type Uploaded } from "./support/blobs.ts";
import { runCommand } from "./support/commands.ts";
import { watchMemory } from "./support/memory.ts";
import type { Registry } from "./support/observation.ts";

/** The least budget that there can be: what does not fit is soon there. */
const tight = ["--max-in-flight", "16MiB"] as const;

let home: BinaryHome;
let registry: Registry;
let metricsPort: number;

beforeAll(() => {
  home = createBinaryHome();
});
afterEach(async () => {
  await eventually(async () => (await inFlight()).bytes === 0);
  expect(await inFlight()).toEqual({ bytes: 0, waiting: 0 });
  expect(await registry.kill()).toBe(0);
  const levels = registry.lines().map(({ level }) => level);
  expect(levels).not.toContain("error");
});
afterAll(() => home.remove());

async function start(flags: readonly string[], wrapper: readonly string[] = []): Promise<void> {
  metricsPort = await freePort();
  registry = await home.start([...anyPort, "--embedded", "data", ...flags], {
    environment: { REGISTRY_METRICS_PORT: String(metricsPort) },
    wrapper,
  });
}

/** What the registry tells of its budget. */
async function inFlight() {
  const page = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const metrics = parseExposition(page);
  const valueOf = (name: string): number => metrics.get(name)?.samples.get(name) ?? Number.NaN;
  return {
    bytes: valueOf("registry_in_flight_size_bytes"),
    waiting: valueOf("registry_in_flight_waiting"),
  };
}

const filesOf = ({ pid }: Registry): number => readdirSync(`/proc/${pid}/fd`).length;

/** Uploads something small and gets it back. @throws Error when an answer is not 200 */
async function useAsGoodClient(): Promise<void> {
  const blob = await upload(registry.api(), randomBlob(3000));
  expect(await missingBlobs(registry.api(), [blob])).toEqual([]);
}

/** Asks for a blob, and reads nothing of the answer. */
async function askAndStall({ hash }: Uploaded, times = 1): Promise<RawConnection> {
  const connection = await connectRaw(registry.port());
  connection.pause();
  const request = `GET /api/v1/metadata/${hash} HTTP/1.1\r\nHost: r\r\n\r\n`;
  await connection.send(request.repeat(times));
  return connection;
}

/** What `work` gives, and how many seconds it took. */
async function timed<T>(work: Promise<T>) {
  const startedAt = performance.now();
  const result = await work;
  return { result, seconds: (performance.now() - startedAt) / 1000 };
}

/** Sends a byte a second until the connection ends. */
async function drip(connection: RawConnection, head: string): Promise<void> {
  await connection.send(head);
  const over = connection.ended.then(() => true);
  while (!(await Promise.race([Bun.sleep(1000), over]))) {
    await connection.send("x").catch(() => {});
  }
}

describe("clients who take their time", () => {
  it("are cut off within the documented time, and hold up nobody", async () => {
    await start(tight);
    const large = await upload(registry.api(), randomBlob(8 * mebibyte));
    const small = postOf(randomBlob(500));
    const slow = putOf(randomBlob(3 * mebibyte));

    /** A body that comes a byte a second is refused, with an answer. */
    async function slowBody(head: string): Promise<number> {
      const connection = await connectRaw(registry.port());
      const response = connection.response();
      void drip(connection, head);
      const { status } = await response;
      connection.destroy();
      return status;
    }

    async function slowHead(): Promise<string> {
      const connection = await connectRaw(registry.port());
      await drip(connection, "GET / HTTP/1.1\r\nHost: r\r\nX: ");
      return await connection.ended;
    }

    async function silence(): Promise<string> {
      return await (
        await connectRaw(registry.port())
      ).ended;
    }

    async function slowReader(): Promise<void> {
      const stalled = await askAndStall(large);
      await eventually(async () => (await inFlight()).bytes >= 8 * mebibyte);
      await eventually(async () => (await inFlight()).bytes < 8 * mebibyte);
      stalled.destroy();
    }

    const [head, nothing, body, pieces, reader] = await Promise.all([
      timed(slowHead()),
      timed(silence()),
      timed(slowBody(headOf(small, small.body.length))),
      timed(slowBody(headOf(slow, slow.body.length))),
      timed(slowReader()),
      useAsGoodClient(),
    ]);
    expect(["closed", "reset"]).toContain(head.result);
    expect(nothing.result).toBe("closed");
    expect([body.result, pieces.result]).toEqual([408, 408]);
    for (const { seconds } of [head, nothing]) expect(seconds).toBeLessThan(20);
    for (const { seconds } of [body, pieces, reader]) {
      expect(seconds).toBeGreaterThan(29);
      expect(seconds).toBeLessThan(50);
    }
  });

  it("leave room for small requests, however many they are", async () => {
    await start(tight);
    const slow = putOf(randomBlob(3 * mebibyte));
    const connections = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const connection = await connectRaw(registry.port());
        await connection.send(headOf(slow, slow.body.length));
        return connection;
      }),
    );
    const refused: number[] = [];
    for (const connection of connections) {
      connection.response().then(
        ({ status }) => void refused.push(status),
        () => {}, // it is under way until it is cut off
      );
    }
    for (let turn = 0; turn < 20; turn += 1) await useAsGoodClient();
    await eventually(() => refused.length === 97);
    expect(new Set(refused)).toEqual(new Set([503]));
    expect(await inFlight()).toEqual({ bytes: 3 * 4 * mebibyte, waiting: 0 });
    await useAsGoodClient();
    for (const connection of connections) connection.destroy();
  });

  it("cannot make it hold much by asking again and again without reading", async () => {
    await start([]);
    const blob = await upload(registry.api(), randomBlob(60_000));
    const memory = watchMemory(registry.pid);
    const before = memory.peak();
    const stalled = await Promise.all(
      Array.from({ length: 100 }, async () => await askAndStall(blob, 500)),
    );
    await useAsGoodClient();
    await Bun.sleep(500);
    const grownBytes = watchMemory(registry.pid).peak() - before;
    expect(grownBytes).toBeLessThan(64 * mebibyte); // all the answers would be 3 GB
    for (const connection of stalled) connection.destroy();
  });
});

describe("too many clients", () => {
  it("are all answered: 200, or 503 that says when to come again", async () => {
    await start(tight);
    const blobs = Array.from({ length: 40 }, () => randomBlob(3 * mebibyte));
    const memory = watchMemory(registry.pid);
    const answers = await Promise.all(
      blobs.map(async (blob) => await timed(send(registry.port(), putOf(blob)))),
    );
    for (const { result, seconds } of answers) {
      expect([201, 503]).toContain(result.status);
      if (result.status === 503) expect(result.headers).toHaveProperty("retry-after");
      expect(seconds).toBeLessThan(30); // the deadlines of a request, together
    }
    const stored = blobs.filter((_, index) => answers[index]?.result.status === 201);
    expect(stored.length).toBeGreaterThan(0);
    const gets = await Promise.all(
      stored.map(async (blob) => await fetch(`${registry.api()}/${hashOf(blob)}`)),
    );
    for (const [index, response] of gets.entries()) {
      const body = await response.bytes();
      if (response.status === 200) expect(Buffer.compare(body, stored[index] ?? body)).toBe(0);
      else expect(response.status).toBe(503);
    }
    expect(memory.peak()).toBeLessThan(256 * mebibyte);
  });

  it("wait at the door when no more files may be open, and come in when others go", async () => {
    await start([], ["sh", "-c", 'ulimit -n 200; exec "$0" "$@"']);
    const idle = await Promise.all(
      Array.from({ length: 250 }, async () => await connectRaw(registry.port())),
    );
    await eventually(() => filesOf(registry) >= 199);
    const waiting = rawRequest(registry.port(), "GET /healthz HTTP/1.1\r\nHost: r\r\n\r\n");
    for (const connection of idle) connection.destroy();
    expect((await waiting).status).toBe(200);
    await useAsGoodClient();
  });

  it("ten thousand of them that ask nothing cost little, and are sent away", async () => {
    const { stdout } = await runCommand(["sh", "-c", "ulimit -Hn"]);
    const filesMax = stdout.trim() === "unlimited" ? Infinity : Number(stdout);
    const count = Math.min(10_000, filesMax - 500);
    await start([]);
    const before = watchMemory(registry.pid).peak();
    const filesBefore = filesOf(registry);
    const script = join(import.meta.dir, "support/idle-clients.ts");
    const child = Bun.spawn([process.execPath, script, String(registry.port()), String(count)], {
      stdin: "pipe",
      stdout: "pipe",
    });
    const { value } = await child.stdout.getReader().read();
    expect(Buffer.from(value ?? []).toString()).toBe("ready\n");
    const bytesEach = (watchMemory(registry.pid).peak() - before) / count;
    process.stderr.write(`${count} idle connections: ${bytesEach.toFixed(0)} bytes each\n`);
    expect(bytesEach).toBeLessThan(4096);
    await useAsGoodClient();
    await eventually(() => filesOf(registry) < filesBefore + 50); // in time, or the test ends
    await child.stdin.end();
    await child.exited;
  });
});

function hashOf(blob: Uint8Array<ArrayBuffer>): string {
  return putOf(blob).path.split("/").at(-1) ?? "";
}
