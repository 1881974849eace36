import { afterEach, beforeEach, describe, expect, it } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RegistryError } from "../../../src/domain/errors.ts";
import {
  createRateLimits,
  type RateLimits,
  type Rates,
} from "../../../src/http/guards/rate-limits.ts";
import { randomBlob } from "../../support/blobs.ts";
import { toHex } from "../../../src/domain/bytes.ts";
import { connectRaw, rawRequest, type RawResponse } from "../../support/raw-http.ts";
import {
  startRegistry,
  temporaryDirectory,
  type TestRegistry,
  type TestRegistryOptions,
} from "../../support/registry.ts";

const fivePerHour = { amount: 5, perMs: 3_600_000 };
const none: Rates = { uploads: null, reads: null, uploadBytes: null };

/** Limits at a clock that the test moves; where a request comes from stands in X-Sender. */
function limitsAt(rates: Partial<Rates>, isTrustedProxy: ((address: string) => boolean) | null) {
  const clock = { ms: 0 };
  const limits = createRateLimits({
    rates: { ...none, ...rates },
    senderOf: ({ headers }) => headers.get("x-sender"),
    isTrustedProxy,
    nowMs: () => clock.ms,
    clientsMax: 100,
  });
  return { clock, limits };
}

const from = (sender: string, fields: Readonly<Record<string, string>> = {}): Request =>
  new Request("http://registry.test/", { headers: { "X-Sender": sender, ...fields } });

function isAdmitted(limits: RateLimits, request: Request, bearer: string | null = null): boolean {
  try {
    limits.uploads?.admit(request, bearer);
    return true;
  } catch (error) {
    if (error instanceof RegistryError && error.code === "rate_limited") return false;
    throw error;
  }
}

/** Whether `second` is refused once `first` has had all of its five. */
function isSame(first: Request, second: Request, trusted: string | null = null): boolean {
  const isTrusted = trusted === null ? null : (address: string) => address === trusted;
  const { limits } = limitsAt({ uploads: fivePerHour }, isTrusted);
  for (let each = 0; each < 5; each += 1) expect(isAdmitted(limits, first)).toBe(true);
  expect(isAdmitted(limits, first)).toBe(false);
  return !isAdmitted(limits, second);
}

describe("what is one client", () => {
  it.each([
    ["another address", from("192.0.2.1"), from("192.0.2.2"), false],
    ["the same, on a socket of both families", from("192.0.2.1"), from("::ffff:192.0.2.1"), true],
    ["the same /64", from("2001:db8:0:1::1"), from("2001:db8:0:1:ffff::2"), true],
    ["another /64", from("2001:db8:0:1::1"), from("2001:db8:0:2::1"), false],
    [
      "forged fields",
      from("192.0.2.1", { "X-Forwarded-For": "198.51.100.1" }),
      from("192.0.2.1", { Forwarded: "for=198.51.100.2", "X-Forwarded-For": "198.51.100.3" }),
      true,
    ],
  ] as const)("%s", (...[, first, second, same]) => {
    expect(isSame(first, second)).toBe(same);
    expect(isSame(first, second, "10.0.0.1")).toBe(same);
  });

  it.each([
    ["another client of a proxy", "198.51.100.1", "198.51.100.2", false],
    ["the same", "198.51.100.1", "203.0.113.9, 198.51.100.1", true],
    ["the same /64", "2001:db8::1", "2001:db8::2", true],
    ["what is no address", "nobody", "somebody", true],
  ] as const)("behind a trusted proxy: %s", (...[, first, second, same]) => {
    const proxied = (value: string) => from("10.0.0.1", { "X-Forwarded-For": value });
    expect(isSame(proxied(first), proxied(second), "10.0.0.1")).toBe(same);
  });

  it("a token, wherever it is used, and no other", () => {
    const { limits } = limitsAt({ uploads: fivePerHour }, null);
    for (let each = 0; each < 5; each += 1) {
      expect(isAdmitted(limits, from(`192.0.2.${each}`), "alice")).toBe(true);
    }
    expect(isAdmitted(limits, from("192.0.2.9"), "alice")).toBe(false);
    expect(isAdmitted(limits, from("192.0.2.9"), "bob")).toBe(true);
    expect(isAdmitted(limits, from("192.0.2.9"))).toBe(true);
    // A name that looks like an address is none.
    for (let each = 0; each < 5; each += 1) isAdmitted(limits, from("x"), "192.0.2.7");
    expect(isAdmitted(limits, from("192.0.2.7"))).toBe(true);
  });
});

describe("bytes", () => {
  it("are a debt beyond what there is, until time has paid it", () => {
    const uploadBytes = { amount: 1000, perMs: 1000 };
    const { limits, clock } = limitsAt({ uploadBytes }, null);
    const first = from("192.0.2.1");
    expect(isAdmitted(limits, first)).toBe(true);
    limits.uploads?.spend(first, 999);
    const second = from("192.0.2.1");
    expect(isAdmitted(limits, second)).toBe(true);
    limits.uploads?.spend(second, 5000);
    expect(isAdmitted(limits, from("192.0.2.1"))).toBe(false);
    expect(isAdmitted(limits, from("192.0.2.2"))).toBe(true);
    clock.ms = 4999;
    expect(isAdmitted(limits, from("192.0.2.1"))).toBe(false);
    clock.ms = 5000;
    expect(isAdmitted(limits, from("192.0.2.1"))).toBe(true);
  });

  it("refused tell of themselves alone, as Retry-After does", async () => {
    const rates = { uploadBytes: { amount: 100, perMs: 1000 }, uploads: fivePerHour };
    const { limits } = limitsAt(rates, null);
    const first = from("192.0.2.1");
    expect(isAdmitted(limits, first)).toBe(true);
    limits.uploads?.spend(first, 400);
    const second = from("192.0.2.1");
    expect(isAdmitted(limits, second)).toBe(false);
    const refusal = Promise.resolve(new Response(null, { status: 429 }));
    const told = await limits.uploads?.told(second, refusal);
    expect(Object.fromEntries(told?.headers ?? [])).toEqual({
      "ratelimit-policy": '"uploads";q=5;w=3600, "upload-bytes";q=100;w=1;qu="content-bytes"',
      ratelimit: '"upload-bytes";r=0;t=4', // and not "uploads";r=4;t=720
      "retry-after": "4",
    });
  });

  it("in debt cost no upload", () => {
    const rates = { uploadBytes: { amount: 1, perMs: 1000 }, uploads: fivePerHour };
    const { limits, clock } = limitsAt(rates, null);
    const first = from("192.0.2.1");
    expect(isAdmitted(limits, first)).toBe(true);
    limits.uploads?.spend(first, 10);
    for (let each = 0; each < 10; each += 1) isAdmitted(limits, from("192.0.2.1"));
    clock.ms = 20_000;
    for (let each = 0; each < 4; each += 1) {
      expect(isAdmitted(limits, from("192.0.2.1"))).toBe(true);
    }
    expect(isAdmitted(limits, from("192.0.2.1"))).toBe(false);
  });
});

describe("clients", () => {
  it("are remembered up to a bound", () => {
    const { limits } = limitsAt({ uploads: fivePerHour, reads: fivePerHour }, null);
    for (let each = 0; each < 1000; each += 1) {
      isAdmitted(limits, from(`192.0.${each % 250}.${Math.floor(each / 250)}`));
    }
    expect(limits.clients().uploads).toBeLessThanOrEqual(100);
    expect(limits.clients()).toMatchObject({ "upload-bytes": 0, reads: 0 });
  });
});

let registry: TestRegistry;

async function start(options: TestRegistryOptions): Promise<void> {
  registry = await startRegistry(options);
}

const ask = async (path: string, init: RequestInit = {}): Promise<Response> =>
  await fetch(`${registry.url}${path}`, init);
const put = async (bytes: number, headers: Record<string, string> = {}): Promise<Response> => {
  const { hash, data } = randomBlob(bytes);
  return await ask(`/api/v1/metadata/${toHex(hash)}`, { method: "PUT", body: data, headers });
};
const limitFieldsOf = ({ headers }: Response) => [
  headers.get("RateLimit-Policy"),
  headers.get("RateLimit"),
];

describe("a registry", () => {
  afterEach(() => registry.stop());

  it("without limits says nothing of any", async () => {
    await start({});
    const answer = await put(10);
    expect(limitFieldsOf(answer)).toEqual([null, null]);
    expect(limitFieldsOf(await ask(answer.headers.get("Location") ?? ""))).toEqual([null, null]);
  });

  it("tells of uploads on uploads and questions alone", async () => {
    await start({ rates: { uploads: fivePerHour } });
    const answer = await put(10);
    expect(answer.status).toBe(201);
    expect(limitFieldsOf(answer)).toEqual(['"uploads";q=5;w=3600', '"uploads";r=4;t=720']);
    const question = { method: "POST", body: '{"hashes": []}' };
    const headers = { "Content-Type": "application/json" };
    const known = await ask("/api/v1/metadata/exists", { ...question, headers });
    expect(known.status).toBe(200);
    expect(known.headers.get("RateLimit")).toMatch(/^"uploads";r=3;t=7(?:19|20)$/);
    // What is refused for another reason counts.
    expect((await ask("/api/v1/metadata", { method: "POST" })).status).toBe(415);
    expect((await ask("/api/v1/metadata", { method: "OPTIONS" })).status).toBe(204);
    const read = await ask(answer.headers.get("Location") ?? "");
    expect([read.status, ...limitFieldsOf(read)]).toEqual([200, null, null]);
    await put(10);
    expect((await put(10)).headers.get("RateLimit")).toStartWith('"uploads";r=0;t=');
    const refused = await put(10);
    expect(refused.status).toBe(429);
    expect(await ask("/api/v1/metadata/exists", { ...question, headers })).toHaveProperty(
      "status",
      429,
    );
    const fields = Object.fromEntries(refused.headers);
    expect(fields).toMatchObject({
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      "ratelimit-policy": '"uploads";q=5;w=3600',
    });
    const seconds = Number(fields["retry-after"]);
    expect(seconds).toBeGreaterThan(700);
    expect(seconds).toBeLessThanOrEqual(720);
    expect(fields["ratelimit"]).toBe(`"uploads";r=0;t=${seconds}`);
    expect(await refused.json()).toMatchObject({ status: 429, code: "rate_limited" });
    expect(registry.counters.refusals).toMatchObject({ rate_limited: 2 });
    expect(registry.app.measures.rateLimits.clients()).toMatchObject({ uploads: 1, reads: 0 });
  });

  it("refuses before the body, and closes", async () => {
    await start({ rates: { uploads: { amount: 1, perMs: 3_600_000 } } });
    await put(1);
    const connection = await connectRaw(registry.port);
    await connection.send(
      "POST /api/v1/metadata HTTP/1.1\r\nHost: a\r\nContent-Length: 60000000\r\n" +
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n",
    );
    const { status, headers } = await connection.response();
    expect([status, headers["connection"]?.toLowerCase()]).toEqual([429, "close"]);
    connection.destroy();
  });

  it.each([
    ["whole", 1000, 0],
    ["in pieces", 3_000_000, 0],
    ["cut short", 1000, 900],
  ])("counts the bytes of a body that comes %s", async (_, bytes, missing) => {
    await start({ rates: { uploadBytes: { amount: 100, perMs: 3_600_000 } } });
    const { hash, data } = randomBlob(bytes);
    const head = `PUT /api/v1/metadata/${toHex(hash)} HTTP/1.1\r\nHost: a\r\n`;
    const connection = await connectRaw(registry.port);
    await connection.send(`${head}Content-Length: ${bytes}\r\n\r\n`);
    await connection.send(data.subarray(0, bytes - missing));
    connection.halfClose();
    const answer = await connection.response().catch(() => null);
    if (missing === 0) {
      expect(answer?.status).toBe(201);
      expect(answer?.headers["ratelimit-policy"]).toBe(
        '"upload-bytes";q=100;w=3600;qu="content-bytes"',
      );
      expect(answer?.headers["ratelimit"]).toStartWith('"upload-bytes";r=0;t=');
    }
    connection.destroy();
    const next = await put(1);
    expect(next.status).toBe(429);
    // All that came beyond 100 is to be paid, 36 s each.
    const seconds = (bytes - 100) * 36;
    expect(Math.abs(Number(next.headers.get("Retry-After")) - seconds)).toBeLessThanOrEqual(40);
  });

  it("takes the next upload once Retry-After is over", async () => {
    await start({ rates: { uploads: { amount: 1, perMs: 2000 } } });
    const answers = await Promise.all([put(1), put(1), put(1)]);
    const refused = answers.find(({ status }) => status === 429);
    const seconds = Number(refused?.headers.get("Retry-After"));
    expect([1, 2]).toContain(seconds);
    await Bun.sleep(1000 * seconds);
    expect((await put(2)).status).toBe(201);
  });

  it("counts by token where there are tokens, once the token is known to be good", async () => {
    const directory = temporaryDirectory();
    const uploadTokenFile = join(directory, "tokens");
    writeFileSync(uploadTokenFile, "alice-has-this-token alice\nbob-has-this-token bob\n");
    await start({ uploadTokenFile, rates: { uploads: { amount: 2, perMs: 3_600_000 } } });
    rmSync(directory, { recursive: true });
    const as = (who: string) => put(8, { Authorization: `Bearer ${who}-has-this-token` });
    const outcomes: number[] = [];
    for (const who of ["alice", "alice", "alice", "bob", "eve"])
      outcomes.push((await as(who)).status);
    expect(outcomes).toEqual([201, 201, 429, 201, 401]);
    const unknown = await as("eve");
    expect([unknown.status, ...limitFieldsOf(unknown)]).toEqual([401, null, null]);
  });
});

describe.each([
  ["from the database", 0],
  ["at hand", 2 ** 26],
])("reads %s", (_, cacheBytesMax) => {
  let path: string;
  beforeEach(async () => {
    await start({ cacheBytesMax, cdnDomain: "cdn.test", rates: { reads: fivePerHour } });
    path = (await put(100)).headers.get("Location") ?? "";
  });
  afterEach(() => registry.stop());

  it("count, by path and by name, GET and HEAD, whatever comes of them", async () => {
    const told: (string | null)[] = [];
    const read = async (to: string, init: RequestInit = {}): Promise<number> => {
      const answer = await ask(to, init);
      told.push(answer.headers.get("RateLimit")?.replace(/t=\d+$/, "t") ?? null);
      return answer.status;
    };
    expect(await read(path)).toBe(200);
    expect(await read(path, { method: "HEAD" })).toBe(200);
    const host = "a.cdn.test";
    expect(await read("/", { headers: { Host: host } })).toBe(400);
    expect(await read(`/api/v1/metadata/${"0".repeat(64)}`)).toBe(404);
    expect(await read(path)).toBe(200);
    for (let each = 0; each < 3; each += 1) expect(await read(path)).toBe(429);
    expect(await read(path, { method: "HEAD" })).toBe(429);
    expect(told).toEqual([4, 3, 2, 1, 0, 0, 0, 0, 0].map((left) => `"reads";r=${left};t`));
    for (const free of ["/healthz", "/livez", "/readyz", "/swagger", "/openapi.yaml", "/"]) {
      expect(await read(free)).toBe(200);
    }
    expect(told.slice(9)).toEqual([null, null, null, null, null, null]);
    expect(limitFieldsOf(await put(10))).toEqual([null, null]);
    expect(registry.counters.responses[429]).toBe(4);
  });

  it("of a large limit are told from half on, where they are at hand", async () => {
    await registry.stop();
    await start({ cacheBytesMax, rates: { reads: { amount: 256, perMs: 3_600_000 } } });
    path = (await put(100)).headers.get("Location") ?? "";
    await ask(path); // from the database
    const told: (string | null)[] = [];
    for (let each = 0; each < 140; each += 1) told.push(limitFieldsOf(await ask(path))[1] ?? null);
    const first = told.findIndex((text) => text !== null);
    expect(cacheBytesMax === 0 ? first : Math.abs(first - 127)).toBeLessThanOrEqual(1);
    expect(told.slice(first)).not.toContain(null);
    const [policy, left] = limitFieldsOf(await ask(path));
    expect(policy).toBe('"reads";q=256;w=3600');
    expect(left).toMatch(/^"reads";r=11\d;t=\d+$/);
  });

  it("of another address are another's", async () => {
    const request = (): Promise<RawResponse> =>
      rawRequest(registry.port, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    for (let each = 0; each < 5; each += 1) expect((await request()).status).toBe(200);
    expect((await request()).status).toBe(429);
    const socket = await other(registry.port, path);
    expect(socket).toStartWith("HTTP/1.1 200 ");
  });
});

/** The same, from 127.0.0.2. */
async function other(port: number, path: string): Promise<string> {
  const { connect } = await import("node:net");
  return await new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.2" });
    socket.once("data", (bytes) => {
      resolve(bytes.toString("latin1"));
      socket.destroy();
    });
    socket.once("error", reject);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  });
}
