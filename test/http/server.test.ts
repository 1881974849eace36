import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { readFileSync } from "node:fs";
import { connect } from "node:tls";
import { StartError } from "../../src/domain/errors.ts";
import { createRequestMeter } from "../../src/http/request-meter.ts";
import type { TlsMaterial } from "../../src/http/listener.ts";
import { listen, type AtHand, type Fetch, type HttpServer } from "../../src/http/server.ts";
import { createLog } from "../../src/ops/log.ts";
import { hasOpenssl, makeCertificates, type Certificates } from "../support/certificates.ts";
import { connectRaw, rawRequest } from "../support/raw-http.ts";
import { eventually, type LogLine } from "../support/registry.ts";

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
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
    const response = await fetch(`${server.url}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      status: "unavailable",
      checks: { database: { status: "unavailable", detail: "not connected yet", age_ms: 0 } },
    });
  });

  it.each(["/healthz", "/livez", "/readyz", "/nowhere"])("dates HEAD %s too", async (path) => {
    startServer();
    const { headers } = await fetch(`${server.url}${path}`, { method: "HEAD" });
    expect(headers.get("date")).toMatch(/ GMT$/);
  });

  it("gives its answer to a client that is still sending a large body", async () => {
    startServer();
    const connection = await connectRaw(server.port);
    await connection.send("POST / HTTP/1.1\r\nHost: r\r\nContent-Length: 50000000\r\n\r\n");
    connection.send(new Uint8Array(5_000_000)).catch(() => {});
    expect((await connection.response()).status).toBe(503);
    connection.destroy();
  });

  it("gives it also to one that reads only once it has sent all", async () => {
    startServer();
    const connection = await connectRaw(server.port);
    connection.pause();
    await connection.send("POST / HTTP/1.1\r\nHost: r\r\nContent-Length: 50000000\r\n\r\n");
    await connection.send(new Uint8Array(50_000_000));
    connection.resume();
    const response = await connection.response();
    expect(response.status).toBe(503);
    expect(response.isComplete).toBe(true);
    expect(await connection.ended).toBe("closed");
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

describe("requests under way", () => {
  it("have their methods, until they are answered, by the meter they began with", async () => {
    const meter = createRequestMeter({ labelOf: () => null });
    const active = () => Object.fromEntries(meter.active(server.pendingRequests()));
    const { promise, resolve } = Promise.withResolvers<void>();
    server = listen(options);
    const late: Fetch = () => promise.then(() => new Response("late"));
    server.serve(late, undefined, meter);
    const asked = ["POST", "PUT", "GET"].map((method) => fetch(server.url, { method }));
    while (server.pendingRequests() < 3) await Bun.sleep(1);
    expect(active()).toEqual({ GET: 1, POST: 1, PUT: 1 });
    server.serve(late);
    resolve();
    await Promise.all(asked);
    expect(active()).toEqual({ GET: 0, POST: 0, PUT: 0 });
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

describe("a request that names no one host", () => {
  const request = (method: string, ...fields: readonly string[]): string =>
    `${[`${method} / HTTP/1.1`, ...fields].join("\r\n")}\r\n\r\n`;

  it.each([
    ["two Host", ["Host: r", "Host: s"]],
    ["the same Host twice", ["Host: r", "Host: r"]],
    ["a Host with a comma", ["Host: r, s"]],
    ["a path in Host", ["Host: r/s"]],
    ["a user in Host", ["Host: u@r"]],
  ])("is refused: %s", async (_, fields) => {
    let served = 0;
    startServer(() => new Response(String((served += 1))));
    for (const body of ["", "abc"]) {
      const length = body === "" ? [] : ["Content-Length: 3"];
      const bytes = request(body === "" ? "GET" : "POST", ...fields, ...length) + body;
      const connection = await connectRaw(server.port);
      await connection.send(bytes);
      const response = await connection.response();
      expect(response.status).toBe(400);
      expect(JSON.parse(textOf(response.body))).toMatchObject({ code: "invalid_host" });
      expect(response.headers["connection"]).toBe("close");
      expect(await connection.ended).toBe("closed");
    }
    expect(served).toBe(0);
  });

  it("is refused to HEAD with the fields that it has for GET", async () => {
    startServer(hello);
    const [whole, head] = await Promise.all(
      ["GET", "HEAD"].map((method) => rawRequest(server.port, request(method, "Host: r,s"))),
    );
    const { date, ...headers } = whole?.headers ?? {}; // of two answers it may differ
    expect(date).toBeDefined();
    expect(head).toMatchObject({ status: 400, headers, body: new Uint8Array(0) });
    expect(Date.parse(head?.headers["date"] ?? "")).toBeGreaterThan(0);
  });

  it("is refused also behind one that did, and while nothing is served", async () => {
    startServer();
    const connection = await connectRaw(server.port);
    await connection.send("GET /healthz HTTP/1.1\r\nHost: r\r\n\r\n");
    expect((await connection.response()).status).toBe(200);
    await connection.send(request("GET", "Host: r", "Host: r"));
    expect((await connection.response()).status).toBe(400);
  });

  it.each(["r", "R.example.:8080", "localhost:", "127.0.0.1:80", "[::1]:8080", "a_b", ""])(
    "is not one with Host: %s",
    async (host) => {
      startServer(hello);
      for (let turn = 0; turn < 2; turn += 1) {
        const response = await rawRequest(server.port, request("GET", `Host: ${host}`));
        expect(textOf(response.body)).toBe("hello");
      }
    },
  );
});

describe.skipIf(!hasOpenssl())("TLS", () => {
  let made: Certificates;
  let material: TlsMaterial;
  beforeAll(() => {
    made = makeCertificates("IP:127.0.0.1");
    const [cert, key] = [made.certFile, made.keyFile].map((file) => readFileSync(file, "utf8"));
    material = { cert: cert ?? "", key: key ?? "" };
  });
  afterAll(() => made.remove());

  const ask = (path = "/"): Promise<Response> =>
    fetch(`${server.url}${path}`, { tls: { ca: made.ca } });

  function startTls(answer: Fetch, hstsSeconds: number | null = null, atHand?: AtHand): void {
    server = listen({ ...options, tls: { ...material, hstsSeconds } });
    server.serve(answer, atHand);
  }

  it("is in the URL of the server, and in those of requests, with and without a host", async () => {
    startTls((request) => new Response(request.url));
    expect(server.url).toBe(`https://127.0.0.1:${server.port}`);
    expect(await (await ask("/a")).text()).toBe(`${server.url}/a`);
    const text = await new Promise<string>((resolve, reject) => {
      let received = "";
      const access = { host: "127.0.0.1", port: server.port, ca: made.ca };
      const socket = connect(access, () => socket.write("GET /b HTTP/1.0\r\n\r\n"));
      socket.on("data", (bytes: Buffer) => (received += bytes.toString()));
      socket.on("end", () => resolve(received));
      socket.on("error", reject);
    });
    expect(text).toEndWith("https://localhost/b");
  });

  it("adds Strict-Transport-Security to every answer where that is wanted", async () => {
    const atHand: AtHand = ({ url }) => (url.endsWith("/hand") ? new Response("at hand") : null);
    const answer: Fetch = (request) => {
      if (request.url.endsWith("/fails")) throw new Error("a bug");
      return new Response("hello");
    };
    startTls(answer, 3600, atHand);
    for (const path of ["/", "/hand", "/fails"]) {
      const { headers } = await ask(path);
      expect([path, headers.get("strict-transport-security")]).toEqual([path, "max-age=3600"]);
    }
    await server.stop();
    startTls(answer, 0);
    expect((await ask()).headers.get("strict-transport-security")).toBe("max-age=0");
    await server.stop();
    startTls(answer, null, atHand);
    for (const path of ["/", "/hand", "/fails"]) {
      expect((await ask(path)).headers.has("strict-transport-security")).toBe(false);
    }
  });

  it("closes connections to the certificate before with their next answer", async () => {
    const { promise, resolve: letGo } = Promise.withResolvers<void>();
    startTls(async () => {
      await promise;
      return new Response("hello");
    });
    const slow = ask();
    await eventually(() => server.pendingRequests() === 1);
    server.renewTls(material);
    letGo();
    expect((await slow).headers.get("connection")).toBe("close");
  });
});

describe("CONNECT", () => {
  it.each(["r:80", "/", "http://r/"])("to %s closes the connection", async (target) => {
    startServer(() => new Response(null, { status: 405 }));
    const connection = await connectRaw(server.port);
    await connection.send(`CONNECT ${target} HTTP/1.1\r\nHost: r\r\n\r\n`);
    const response = await connection.response();
    expect(response.status).toBe(405);
    expect(response.headers["connection"]).toBe("close");
    expect(await connection.ended).toBe("closed");
  });
});
