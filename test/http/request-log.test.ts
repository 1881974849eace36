import { afterEach, describe, expect, it } from "bun:test";
import { createRequestLog, type RequestLogOptions } from "../../src/http/request-log.ts";
import { listen, type Fetch, type HttpServer } from "../../src/http/server.ts";
import { createLog } from "../../src/ops/log.ts";
import { damageSegment } from "../support/downloads.ts";
import { stock } from "../support/downloads.ts";
import { uploaderBody, utf8 } from "../support/form.ts";
import { connectRaw, rawRequest } from "../support/raw-http.ts";
import {
  eventually,
  startRegistry,
  type LogLine,
  type TestRegistry,
  type TestRegistryOptions,
} from "../support/registry.ts";

const api = "/api/v1/metadata";
const trace = "0af7651916cd43dd8448eb211c80319c";
const traceparent = `00-${trace}-b7ad6b7169203331-01`;
const mebibyte = 1024 * 1024;

let closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.map((close) => close()));
  closers = [];
});

async function start(options: TestRegistryOptions): Promise<TestRegistry> {
  const registry = await startRegistry(options);
  closers.push(() => registry.stop());
  return registry;
}

/** The lines with this message, once there are as many. */
async function linesOf({ lines }: Pick<TestRegistry, "lines">, message: string, count = 1) {
  const found = (): LogLine[] => lines.filter((line) => line["message"] === message);
  await eventually(() => found().length >= count);
  return found();
}

function upload(registry: TestRegistry, text: string, fields: Record<string, string> = {}) {
  const { body, contentType } = uploaderBody(utf8(text));
  const headers = { "Content-Type": contentType, ...fields };
  return fetch(registry.api, { method: "POST", body, headers });
}

/** A server with a handler of the test's own. */
function serve(fetch: Fetch, options: Partial<RequestLogOptions>) {
  const lines: LogLine[] = [];
  const write = (line: string): unknown => lines.push(JSON.parse(line) as LogLine);
  const log = createLog({ level: "debug", format: "json", write });
  const rest = { log, accessLog: false, slowRequestMs: 0, isTrustedProxy: null };
  const server: HttpServer = listen({
    host: "127.0.0.1",
    hostIsDefault: false,
    port: 0,
    idleSecondsMax: 30,
    log,
    checks: async () => ({}),
    requestLog: createRequestLog({ ...rest, ...options }),
  });
  server.serve(fetch);
  closers.push(() => server.stop());
  return { server, lines };
}

describe("the access log", () => {
  it("is off unless it is asked for", async () => {
    const registry = await start({});
    await fetch(`${registry.url}/healthz`);
    await upload(registry, "untold");
    expect(registry.lines.filter(({ message }) => message === "request")).toEqual([]);
  });

  it("tells what was asked, by whom, and what came of it, without the query", async () => {
    const registry = await start({ accessLog: true });
    const headers = { "User-Agent": "test/1", traceparent };
    await fetch(`${registry.url}/healthz?token=planted`, { headers });
    expect(await linesOf(registry, "request")).toEqual([
      {
        time: expect.any(String),
        level: "info",
        message: "request",
        method: "GET",
        host: `127.0.0.1:${registry.port}`,
        path: "/healthz",
        status: 200,
        bytes: 15,
        duration_ms: expect.any(Number),
        client: "127.0.0.1",
        user_agent: "test/1",
        trace_id: trace,
      },
    ]);
  });

  it("tells of every kind of answer, and leaves each as it was", async () => {
    const registry = await start({ accessLog: true, cacheBytesMax: mebibyte });
    const { hash } = (await (await upload(registry, "hello")).json()) as { hash: string };
    const large = await stock(registry, 9 * mebibyte);
    const ask = (line: string, fields = ""): ReturnType<typeof rawRequest> =>
      rawRequest(registry.port, `${line} HTTP/1.1\r\nHost: r\r\n${fields}\r\n`);
    const before = (await linesOf(registry, "request", 2)).length;
    const asked: [line: string, fields: string, status: number, bytes: number | null][] = [
      [`GET ${api}/${hash}`, "", 200, 5],
      [`GET ${api}/${hash}`, "", 200, 5], // from the cache
      [`HEAD ${api}/${hash}`, "", 200, 0],
      [`GET ${api}/${hash}`, "Range: bytes=1-2\r\n", 206, 2],
      [`GET ${api}/${hash}`, `If-None-Match: "${hash}"\r\nConnection: close\r\n`, 304, 0],
      [`GET ${api}/${large.hex}`, "", 200, 9 * mebibyte],
      [`OPTIONS ${api}`, "", 204, 0],
      ["GET /nowhere", "", 404, null],
      [`GET ${api}/zz`, "", 400, null],
      ["GET /swagger", "", 200, null],
    ];
    for (const [index, [line, fields, status, bytes]] of asked.entries()) {
      const answer = await ask(line, fields);
      expect([line, answer.status]).toEqual([line, status]);

      const told = (await linesOf(registry, "request", before + index + 1)).at(-1);
      const [method, path] = line.split(" ");
      expect(told).toMatchObject({ method, path, status, bytes: bytes ?? answer.body.length });
      const isLarge = bytes === 9 * mebibyte;
      expect(answer.headers["transfer-encoding"]).toBe(isLarge ? "chunked" : undefined);
      if (!isLarge && status === 200) expect(answer.headers["content-length"]).toBeDefined();
    }
  });

  it("tells what of a download came through when its client goes", async () => {
    const registry = await start({ accessLog: true });
    const { hex } = await stock(registry, 40 * mebibyte);
    const connection = await connectRaw(registry.port);
    await connection.send(`GET ${api}/${hex} HTTP/1.1\r\nHost: r\r\n\r\n`);
    await eventually(() => connection.received() > 0);
    connection.destroy();
    const lines = await linesOf(registry, "request", 2);
    const line = lines.find(({ path }) => path === `${api}/${hex}`);
    expect(line).toMatchObject({ status: 200, broken_off: true });
    expect(line?.["bytes"]).toBeLessThan(40 * mebibyte);
  });

  it("believes only trusted proxies about the client", async () => {
    for (const [isTrustedProxy, client] of [
      [undefined, "127.0.0.1"],
      [(address: string) => address === "127.0.0.1", "192.0.2.1"],
      [(address: string) => address === "10.0.0.1", "127.0.0.1"],
    ] as const) {
      const registry = await start({
        accessLog: true,
        ...(isTrustedProxy === undefined ? {} : { isTrustedProxy }),
      });
      await fetch(`${registry.url}/healthz`, { headers: { "X-Forwarded-For": "192.0.2.1" } });
      expect(await linesOf(registry, "request")).toMatchObject([{ client }]);
    }
  });

  it("takes in no more than it should of what is long, and asks for no host", async () => {
    const registry = await start({ accessLog: true });
    const long = "x".repeat(3000);
    await rawRequest(
      registry.port,
      `GET /${long} HTTP/1.1\r\nHost: r\r\nUser-Agent: ${long}\r\n\r\n`,
    );
    await rawRequest(registry.port, "GET /livez?x HTTP/1.0\r\n\r\n");
    const [first, second] = await linesOf(registry, "request", 2);
    expect(String(first?.["path"])).toHaveLength(1024);
    expect(String(first?.["user_agent"])).toHaveLength(256);
    expect(second).toMatchObject({ path: "/livez", status: 200 });
    expect(second).not.toHaveProperty("user_agent");
  });

  it("tells that a download failed, and its client sees that, too", async () => {
    const registry = await start({ accessLog: true });
    const blob = await stock(registry, 9 * mebibyte);
    await damageSegment(registry.database, blob, 8);
    const fields = `Host: r\r\ntraceparent: ${traceparent}`;
    const request = `GET ${api}/${blob.hex} HTTP/1.1\r\n${fields}\r\n\r\n`;
    const { isComplete } = await rawRequest(registry.port, request);
    expect(isComplete).toBe(false);
    const told = (await linesOf(registry, "request", 2)).at(-1);
    expect(told).toMatchObject({ bytes: 8 * mebibyte, broken_off: true });
    expect(await linesOf(registry, "download broken off")).toMatchObject([{ trace_id: trace }]);
  });
});

describe("slow requests", () => {
  const slow: Fetch = async () => {
    await Bun.sleep(30);
    return new Response("late");
  };
  const quick: Fetch = () => new Response("soon");

  it("are warned of, with the trace and without the query", async () => {
    const { server, lines } = serve(slow, { slowRequestMs: 20 });
    await fetch(`${server.url}/x?token=planted`, { headers: { traceparent } });
    const [line] = await linesOf({ lines }, "slow request");
    expect(line).toMatchObject({ level: "warn", path: "/x", status: 200, trace_id: trace });
    expect(line?.["duration_ms"]).toBeGreaterThan(20);
    expect(line).not.toHaveProperty("receiving_ms");
    expect(JSON.stringify(lines)).not.toContain("planted");
  });

  it("are those above the bound only, and none with 0", async () => {
    for (const [fetchIt, slowRequestMs] of [
      [quick, 60_000],
      [slow, 0],
    ] as const) {
      const { server, lines } = serve(fetchIt, { slowRequestMs });
      await fetch(server.url);
      expect(lines).toEqual([]);
    }
  });

  it("tell how long the client took to send", async () => {
    const registry = await start({ slowRequestMs: 20 });
    const { body, contentType } = uploaderBody(utf8("in two parts"));
    const connection = await connectRaw(registry.port);
    await connection.send(
      `POST ${api} HTTP/1.1\r\nHost: r\r\nContent-Type: ${contentType}\r\n` +
        `Content-Length: ${body.length}\r\n\r\n`,
    );
    await connection.send(body.subarray(0, 20));
    await Bun.sleep(50);
    await connection.send(body.subarray(20));
    expect((await connection.response()).status).toBe(200);
    const [line] = await linesOf(registry, "slow request");
    expect(line?.["receiving_ms"]).toBeGreaterThan(20);
    expect(Number(line?.["duration_ms"])).toBeGreaterThanOrEqual(Number(line?.["receiving_ms"]));
  });
});
