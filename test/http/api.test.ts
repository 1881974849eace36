import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { createFetch, type Handlers } from "../../src/http/api.ts";
import { uploaderBody, utf8 } from "../support/form.ts";
import { rawRequest } from "../support/raw-http.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

const api = "/api/v1/metadata";
const unknown = "0123456789abcdef".repeat(4);
const httpDate = /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/;
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];

type Answers = Readonly<Record<string, number>>;

/** What each path says to each method; what is not listed is `other`. */
const pathMap: readonly (readonly [path: string, allow: string, answers: Answers])[] = [
  [api, "POST, OPTIONS", { POST: 415 }],
  [`${api}/exists`, "POST, OPTIONS", { POST: 415 }],
  [`${api}/${unknown}`, "GET, HEAD, PUT, OPTIONS", { GET: 404, HEAD: 404, PUT: 422 }],
  [`${api}/not-a-key`, "GET, HEAD, PUT, OPTIONS", { GET: 400, HEAD: 400, PUT: 400 }],
  ["/healthz", "GET, HEAD, OPTIONS", { GET: 200, HEAD: 200 }],
  ["/livez", "GET, HEAD, OPTIONS", { GET: 200, HEAD: 200 }],
  ["/readyz", "GET, HEAD, OPTIONS", { GET: 200, HEAD: 200 }],
  ["/openapi.yaml", "GET, HEAD, OPTIONS", { GET: 200, HEAD: 200 }],
  ["/swagger", "GET, HEAD, OPTIONS", { GET: 200, HEAD: 200 }],
  ["/swagger/json", "GET, HEAD, OPTIONS", { GET: 200, HEAD: 200 }],
  ["/swagger/swagger-ui.css", "GET, HEAD, OPTIONS", { GET: 200, HEAD: 200 }],
  ["/swagger/swagger-ui-bundle.js", "GET, HEAD, OPTIONS", { GET: 200, HEAD: 200 }],
  ["/swagger/start.js", "GET, HEAD, OPTIONS", { GET: 200, HEAD: 200 }],
];

const nowhere = [
  "/home",
  "//",
  "/api",
  "/api/v1",
  `${api}/`,
  `/${api}`,
  "/api/v1//metadata",
  `${api}//${unknown}`,
  `${api}/${unknown}/`,
  `${api}/${unknown}/x`,
  `${api}/..`,
  `${api}/exists/`,
  `${api}//exists`,
  "/API/v1/metadata",
  "/%61pi/v1/metadata",
  "/healthz/",
  "/readyz/",
  "/swagger/",
  "/metrics",
  "/status",
  "/favicon.ico",
  "/swagger-page-of-the-plugin",
];

describe("createFetch", () => {
  it.each(["http", "https"])("finds routes in URLs of %s, whatever the host", async (scheme) => {
    const health = async (): Promise<Response> => new Response("health");
    const elsewhere = async (): Promise<Response> => new Response("elsewhere");
    const handlers = { named: () => null, health, unmatched: elsewhere } as unknown as Handlers;
    const answer = createFetch(handlers);
    for (const host of ["a", "a:1", "ab", "registry.test", "[::1]:8080"]) {
      const textAt = async (path: string): Promise<string> =>
        await (await answer(new Request(`${scheme}://${host}${path}`))).text();
      expect(await textAt("/healthz")).toBe("health");
      expect(await textAt("/healthz?a=/b")).toBe("health");
      expect(await textAt("/healthz/")).toBe("elsewhere");
    }
  });
});

describe("the path map", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry();
  });
  afterAll(() => registry.stop());

  const ask = (method: string, path: string, host = "registry.test") =>
    rawRequest(
      registry.port,
      `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\n\r\n`,
    );
  const codeOf = (body: Uint8Array): unknown => JSON.parse(Buffer.from(body).toString()).code;

  const rows = pathMap.flatMap(([path, allow, answers]) =>
    methods.map((method) => ({ method, path, allow, status: answers[method] })),
  );

  it.each(rows.filter(({ status }) => status !== undefined))(
    "$method $path is answered with $status",
    async ({ method, path, status }) => {
      expect((await ask(method, path)).status).toBe(status ?? 0);
    },
  );

  it.each(rows.filter(({ status, method }) => status === undefined && method !== "OPTIONS"))(
    "$method $path is refused, and told what is allowed",
    async ({ method, path, allow }) => {
      const response = await ask(method, path);
      expect(response.status).toBe(405);
      expect(response.headers["allow"]).toBe(allow);
      if (method !== "HEAD") expect(codeOf(response.body)).toBe("method_not_allowed");
    },
  );

  it.each(pathMap)("OPTIONS %s tells what is allowed: %s", async (path, allow) => {
    const response = await ask("OPTIONS", path);
    expect(response.status).toBe(204);
    expect(response.headers["allow"]).toBe(allow);
    expect(response.body.length).toBe(0);
  });

  it.each([...pathMap.map(([path]) => path), "/nowhere"])(
    "%s dates its answers to every method (RFC 9110 section 6.6.1)",
    async (path) => {
      for (const method of methods) {
        const { headers } = await ask(method, path);
        expect([method, headers["date"]]).toEqual([method, expect.stringMatching(httpDate)]);
        expect(Math.abs(Date.parse(headers["date"] ?? "") - Date.now())).toBeLessThan(60_000);
      }
    },
  );

  it.each(nowhere)("there is nothing at %s, by any method", async (path) => {
    for (const method of methods) {
      const response = await ask(method, path);
      expect(response.status).toBe(404);
      expect(response.headers["content-type"]).toBe("application/problem+json");
      if (method !== "HEAD") expect(codeOf(response.body)).toBe("route_not_found");
    }
  });

  describe("of a stored blob", () => {
    let hash = "";
    beforeAll(async () => {
      const { body, contentType } = uploaderBody(utf8("path map"));
      const headers = { "Content-Type": contentType };
      const response = await fetch(registry.api, { method: "POST", body, headers });
      ({ hash } = (await response.json()) as { hash: string });
    });

    it("takes digits that are percent-encoded", async () => {
      const encoded = hash.replaceAll(
        /[a-f0-9]/g,
        (digit) => `%${digit.charCodeAt(0).toString(16)}`,
      );
      expect((await ask("GET", `${api}/${encoded}`)).status).toBe(200);
    });

    it("ignores a query", async () => {
      expect((await ask("GET", `${api}/${hash}?key=abc/def?`)).status).toBe(200);
      expect((await ask("HEAD", `${api}/${hash}?`)).status).toBe(200);
    });

    it.each(["", "r", "rx", "rxy", "localhost", "[::1]:8080", "192.0.2.1:80"])(
      "is the same for the host %p",
      async (host) => {
        expect((await ask("GET", `${api}/${hash}`, host)).status).toBe(200);
        expect((await ask("GET", `${api}/`, host)).status).toBe(404);
        expect((await ask("DELETE", `${api}/${hash}`, host)).status).toBe(405);
      },
    );

    it.each(["a/b", "a?b", "a#b", "a b", "x/swagger?", "user@host", "%00"])(
      "is not to be had for a host that is none: %p",
      async (host) => {
        for (const path of [`${api}/${hash}`, "/nowhere"]) {
          const response = await ask("GET", path, host);
          expect(response.status).toBe(400);
          expect(codeOf(response.body)).toBe("invalid_host");
        }
      },
    );

    it("is there for a request line with a whole URL, whatever host it names", async () => {
      expect((await ask("GET", `http://elsewhere.test${api}/${hash}`)).status).toBe(200);
      expect((await ask("GET", `http://elsewhere.test${api}/`)).status).toBe(404);
    });

    it("is there for HTTP/1.0, with a host and without", async () => {
      for (const host of ["", "Host: r\r\n"]) {
        const request = `GET ${api}/${hash} HTTP/1.0\r\n${host}\r\n`;
        expect((await rawRequest(registry.port, request)).status).toBe(200);
      }
    });
  });

  it("refuses what carries a body where none belongs, and closes the connection", async () => {
    const request = `PATCH ${api}/${unknown} HTTP/1.1\r\nHost: r\r\nContent-Length: 5\r\n\r\nbytes`;
    const response = await rawRequest(registry.port, request);
    expect(response.status).toBe(405);
    expect(response.headers["connection"]).toBe("close");
  });
});
