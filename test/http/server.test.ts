import { afterEach, describe, expect, it } from "bun:test";
import { StartError } from "../../src/domain/errors.ts";
import { listen, type Fetch, type HttpServer } from "../../src/http/server.ts";
import { createLog } from "../../src/ops/log.ts";
import { connectRaw, rawRequest } from "../support/raw-http.ts";
import type { LogLine } from "../support/registry.ts";

const lines: LogLine[] = [];
const log = createLog({
  level: "debug",
  format: "json",
  write: (line) => lines.push(JSON.parse(line) as LogLine),
});
const check = { status: "unavailable", detail: "not connected yet", ageMs: 0 } as const;
const options = {
  host: "127.0.0.1",
  hostIsDefault: false,
  port: 0,
  idleSecondsMax: 30,
  log,
  checks: async () => ({ database: check }),
};

let server: HttpServer;
afterEach(() => server.stop());

function startServer(fetch?: Fetch, changes: Partial<typeof options> = {}): void {
  server = listen({ ...options, ...changes });
  if (fetch !== undefined) server.serve(fetch);
}

const hello: Fetch = () => new Response("hello");
const get = "GET / HTTP/1.1\r\nHost: r\r\n\r\n";
const textOf = (body: Uint8Array): string => Buffer.from(body).toString();

describe("a server that nothing serves yet", () => {
  it("answers every request with 503, to be tried again on a new connection", async () => {
    startServer();
    for (const method of ["GET", "POST", "DELETE"]) {
      const response = await fetch(`${server.url}/api/v1/metadata`, { method });
      expect(response.status).toBe(503);
      expect(response.headers.get("retry-after")).toBe("1");
      expect(response.headers.get("connection")).toBe("close");
      expect(response.headers.get("content-type")).toBe("application/problem+json");
      expect(await response.json()).toMatchObject({ status: 503, code: "starting" });
    }
  });

  it("is alive but not ready, and says why", async () => {
    startServer();
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    const response = await fetch(`${server.url}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      status: "unavailable",
      checks: { database: { status: "unavailable", detail: "not connected yet", age_ms: 0 } },
    });
  });

  it("gives its answer to a client that is still sending a large body", async () => {
    startServer();
    const connection = await connectRaw(server.port);
    await connection.send("POST / HTTP/1.1\r\nHost: r\r\nContent-Length: 50000000\r\n\r\n");
    connection.send(new Uint8Array(5_000_000)).catch(() => {});
    expect((await connection.response()).status).toBe(503);
    connection.destroy();
  });
});

describe("listen", () => {
  it("tells where it listens, by a URL that works", async () => {
    startServer(hello);
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
    expect(server.port).toBeGreaterThan(0);
    expect(await (await fetch(server.url)).text()).toBe("hello");
  });

  it("takes connections of both kinds on ::", async () => {
    startServer(hello, { host: "::", hostIsDefault: true });
    expect(await (await fetch(`http://127.0.0.1:${server.port}`)).text()).toBe("hello");
    expect(await (await fetch(`http://[::1]:${server.port}`)).text()).toBe("hello");
  });

  it("does not share a port, and names the one that is in use", () => {
    startServer(hello);
    const again = (): HttpServer => listen({ ...options, port: server.port });
    expect(again).toThrow(StartError);
    expect(again).toThrow(`port ${server.port} is in use`);
    expect(again).toThrow("--port");
  });

  it("says of an address that is not this machine's how to choose another", () => {
    startServer(hello);
    const elsewhere = (): HttpServer => listen({ ...options, host: "192.0.2.1" });
    expect(elsewhere).toThrow(StartError);
    expect(elsewhere).toThrow("cannot listen on 192.0.2.1");
    expect(elsewhere).toThrow("--host");
  });

  it("makes a problem of what a handler throws, and logs it", async () => {
    lines.length = 0;
    startServer(() => {
      throw new Error("secret of the house");
    });
    const response = await fetch(server.url);
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ code: "internal_error" });
    expect(text).not.toContain("secret");
    expect(lines).toMatchObject([{ level: "error", error: { message: "secret of the house" } }]);
  });
});

describe("a draining server", () => {
  it("closes idle connections, and every other with its answer; new ones are taken", async () => {
    startServer(hello);
    const idle = await connectRaw(server.port);
    await idle.send(get);
    expect((await idle.response()).headers["connection"]).toBeUndefined();
    server.beginDraining();
    expect(await idle.ended).toBe("closed");
    for (let turn = 0; turn < 3; turn += 1) {
      const connection = await connectRaw(server.port);
      await connection.send(get);
      expect((await connection.response()).headers["connection"]).toBe("close");
      expect(await connection.ended).toBe("closed");
    }
  });

  it("closes the connection also of a request that was under way", async () => {
    const { promise, resolve } = Promise.withResolvers<Response>();
    startServer(() => promise);
    const connection = await connectRaw(server.port);
    await connection.send(get);
    while (server.pendingRequests() === 0) await Bun.sleep(1);
    server.beginDraining();
    resolve(new Response("late"));
    const response = await connection.response();
    expect(textOf(response.body)).toBe("late");
    expect(response.headers["connection"]).toBe("close");
  });
});

describe("the idle timeout", () => {
  it("does not end a body that takes longer, and counts again after the answer", async () => {
    const receive: Fetch = async (request) => new Response(await request.text());
    startServer(receive, { idleSecondsMax: 4 });
    const slow = await connectRaw(server.port);
    await slow.send("POST / HTTP/1.1\r\nHost: r\r\nContent-Length: 4\r\n\r\nsl");
    const idle = await connectRaw(server.port);
    await idle.send(get);
    await idle.response();
    await idle.ended;
    await slow.send("ow");
    expect(textOf((await slow.response()).body)).toBe("slow");
    expect(await slow.ended).toBe("closed");
  }, 30_000);
});

describe("what Bun answers by itself, without a body", () => {
  const fields = (count: number): string =>
    Array.from({ length: count }, (_, index) => `X-${index}: x\r\n`).join("");
  const post = "POST / HTTP/1.1\r\nHost: r\r\n";

  it.each([
    ["no Host", "GET / HTTP/1.1\r\n\r\n", 400],
    ["OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: r\r\n\r\n", 400],
    ["another protocol", "\x16\x03\x01\x00\xa5\x01", 400],
    ["two lengths", `${post}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx`, 400],
    ["a length and chunks", `${post}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
    ["a negative length", `${post}Content-Length: -1\r\n\r\n`, 400],
    ["a length out of all bounds", `${post}Content-Length: ${"9".repeat(30)}\r\n\r\n`, 400],
    ["a bad chunk", `${post}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`, 400],
    ["another transfer coding", `${post}Transfer-Encoding: gzip\r\n\r\n`, 400],
    ["a long path", `GET /${"x".repeat(20_000)} HTTP/1.1\r\nHost: r\r\n\r\n`, 431],
    ["a long header", `GET / HTTP/1.1\r\nHost: r\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
    ["300 headers", `GET / HTTP/1.1\r\nHost: r\r\n${fields(300)}\r\n`, 431],
    ["bare line feeds", "GET / HTTP/1.1\nHost: r\n\n", 505],
    ["HTTP/2.0", "GET / HTTP/2.0\r\nHost: r\r\n\r\n", 505],
  ])("%s", async (_, request, status) => {
    startServer(async (received) => new Response(await received.text()));
    const response = await rawRequest(server.port, Buffer.from(request, "latin1"));
    expect(response.status).toBe(status);
    expect(response.headers["connection"]).toBe("close");
    expect(response.body.length).toBe(0);
  });

  it.each(["FOO", "get"])("the method %s: the connection is closed", async (method) => {
    startServer(hello);
    const connection = await connectRaw(server.port);
    await connection.send(`${method} / HTTP/1.1\r\nHost: r\r\n\r\n`);
    await connection.ended;
    expect(connection.received()).toBe(0);
  });

  it("a request pipelined behind one under way: the connection is closed", async () => {
    startServer(() => new Promise<Response>(() => {}));
    const connection = await connectRaw(server.port);
    await connection.send(get + get);
    await connection.ended;
    expect(connection.received()).toBe(0);
  });
});
