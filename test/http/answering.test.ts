import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { uploaderBody, utf8 } from "../support/form.ts";
import { freeze } from "../support/frozen-postgres.ts";
import { startPostgres, type PostgresServer, type TestDatabase } from "../support/postgres.ts";
import { connectRaw } from "../support/raw-http.ts";
import { eventually, randomBytes, startRegistry, type TestRegistry } from "../support/registry.ts";
import { lockTable } from "../support/table-lock.ts";

const unknown = "0123456789abcdef".repeat(4);
const mebibyte = 1024 * 1024;

let server: PostgresServer;
let database: TestDatabase;
let registry: TestRegistry;
let thaw = (): void => {};

beforeAll(async () => {
  server = await startPostgres();
  database = await server.createDatabase();
  registry = await startRegistry({ database, timeoutMs: 300 });
});
afterEach(() => {
  thaw();
});
afterAll(async () => {
  await registry.stop();
  await server.remove();
});

function post(text: string): Promise<Response> {
  const { body, contentType } = uploaderBody(utf8(text));
  return fetch(registry.api, { method: "POST", body, headers: { "Content-Type": contentType } });
}

async function postLarge(): Promise<Response> {
  const { body, contentType } = uploaderBody(randomBytes(3 * mebibyte));
  const connection = await connectRaw(registry.port);
  await connection.send(
    "POST /api/v1/metadata HTTP/1.1\r\nHost: r\r\n" +
      `Content-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  connection.send(body).catch(() => {}); // the refusal may come first
  const { status, headers, body: answer } = await connection.response();
  connection.destroy();
  return new Response(Buffer.from(answer), { status, headers: { ...headers } });
}

const requests: readonly (readonly [name: string, send: () => Promise<Response>])[] = [
  ["GET", () => fetch(`${registry.api}/${unknown}`)],
  ["HEAD", () => fetch(`${registry.api}/${unknown}`, { method: "HEAD" })],
  ["POST", () => post("refused")],
  ["POST of a large blob", postLarge],
];

async function expectUnavailable(response: Response, codes: readonly string[]): Promise<void> {
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("1");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const text = await response.text();
  if (text === "") return; // HEAD
  const problem = JSON.parse(text) as Record<string, unknown>;
  expect(Object.keys(problem)).toEqual(["type", "title", "status", "code", "detail"]);
  expect(codes).toContain(String(problem["code"]));
}

/** /healthz goes on; /readyz says what is wrong, in the shape it always has. */
async function expectOut(): Promise<void> {
  expect((await fetch(`${registry.url}/healthz`)).status).toBe(200);
  const response = await fetch(`${registry.url}/readyz`);
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({
    status: "unavailable",
    checks: {
      database: {
        status: "unavailable",
        detail: expect.stringMatching(/\w/),
        age_ms: expect.any(Number),
      },
    },
  });
}

describe("with the database stopped", () => {
  beforeAll(async () => {
    expect((await post("stored before")).status).toBe(200);
    await server.stop();
  });
  afterAll(() => server.start());

  it.each(requests)("%s is answered 503, to be tried again", async (_, send) => {
    await expectUnavailable(await send(), ["database_unavailable"]);
  });

  it("/healthz goes on and /readyz says what is wrong", expectOut);

  it("a refusal that needs no database is what it always is", async () => {
    expect((await fetch(`${registry.api}/xyz`)).status).toBe(400);
    expect((await fetch(registry.api, { method: "POST", body: "x" })).status).toBe(415);
    expect((await fetch(`${registry.url}/nowhere`)).status).toBe(404);
  });

  it("failures are warnings with their cause, and never the password", () => {
    const told = registry.lines.filter(({ message }) => message === "request failed");
    expect(told.length).toBeGreaterThan(0);
    for (const line of told) {
      expect(line).toMatchObject({ level: "warn", code: "database_unavailable" });
      expect(JSON.stringify(line)).toContain("cause");
    }
    expect(JSON.stringify(registry.lines)).not.toContain(database.password);
  });

  it("a failure is told with the trace of its request, and without the query", async () => {
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const headers = { traceparent: `00-${trace}-b7ad6b7169203331-01` };
    await fetch(`${registry.api}/${unknown}?token=planted`, { headers });
    const line = registry.lines.find((told) => told["trace_id"] === trace);
    expect(line).toMatchObject({ message: "request failed", path: `/api/v1/metadata/${unknown}` });
    expect(JSON.stringify(registry.lines)).not.toContain("planted");
  });

  it("everything is well again as soon as it is back", async () => {
    await server.start();
    expect((await post("stored after")).status).toBe(200);
    expect((await post("stored before")).status).toBe(200);
    expect((await fetch(`${registry.api}/${unknown}`)).status).toBe(404);
  });
});

describe("with the database frozen", () => {
  it("every request is answered in time, of many at once too, and all is well after", async () => {
    expect((await post("before the frost")).status).toBe(200);
    thaw = await freeze(server);
    const all = Array.from({ length: 8 }, () => requests.map(([, send]) => send())).flat();
    for (const response of await Promise.all(all)) {
      await expectUnavailable(response, ["database_timeout", "database_unavailable"]);
    }
    expect((await fetch(`${registry.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${registry.url}/readyz`)).status).toBe(503);
    thaw();
    expect((await post("after the frost")).status).toBe(200);
    expect((await fetch(`${registry.api}/${unknown}`)).status).toBe(404);
  });
});

describe("with the database frozen, and much patience", () => {
  it("/readyz says that it does not answer, all the same; one look is under way", async () => {
    const patient = await startRegistry({ database, timeoutMs: 20_000 });
    thaw = await freeze(server);
    const asked = await Promise.all([1, 2, 3].map(() => fetch(`${patient.url}/readyz`)));
    for (const response of asked) {
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({
        checks: { database: { detail: expect.stringMatching(/^no answer for [\d.]+ s$/) } },
      });
    }
    expect(patient.lines.filter(({ level }) => level === "error")).toEqual([]);
    thaw();
    const isReady = async (): Promise<boolean> => (await fetch(`${patient.url}/readyz`)).ok;
    await eventually(isReady);
    await patient.stop();
  });
});

describe("with the table held by another session", () => {
  it("an upload is answered only once it can be committed", async () => {
    const patient = await startRegistry({ database, timeoutMs: 20_000 });
    const lock = await lockTable(server, database, "blobs");
    const { body, contentType } = uploaderBody(utf8("patience"));
    const headers = { "Content-Type": contentType };
    let isAnswered = false;
    const answer = fetch(patient.api, { method: "POST", body, headers }).then((response) => {
      isAnswered = true;
      return response;
    });
    await lock.awaited();
    expect(isAnswered).toBe(false);
    await lock.release();
    expect(await (await answer).json()).toMatchObject({ created: true });
    await patient.stop();
  });

  it("requests are answered 503 when their deadline is over", async () => {
    const lock = await lockTable(server, database, "blobs");
    await expectUnavailable(await post("too long"), ["database_timeout"]);
    await expectUnavailable(await fetch(`${registry.api}/${unknown}`), ["database_timeout"]);
    await lock.release();
    expect((await post("too long")).status).toBe(200);
  });
});
