import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { freePort } from "../support/ports.ts";
import { connectRaw, rawRequest, type RawResponse } from "../support/raw-http.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { missingBlobs, randomBlob, upload, type Uploaded } from "./support/blobs.ts";
import type { Registry } from "./support/observation.ts";

let home: BinaryHome;
let registry: Registry;
let blob: Uploaded;

beforeAll(async () => {
  home = createBinaryHome();
  registry = await home.start([...anyPort, "--embedded", "data", "--access-log"]);
  blob = await upload(registry.api(), randomBlob(500));
});
afterEach(async () => {
  // Whatever came, the next client is served.
  expect(await missingBlobs(registry.api(), [blob])).toEqual([]);
});
afterAll(async () => {
  expect(await registry.kill()).toBe(0);
  const errors = registry.lines().filter(({ level }) => level === "error");
  expect({ errors, stderr: registry.stderr() }).toEqual({ errors: [], stderr: "" });
  await home.remove();
});

/** One character a byte. */
const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

/** Sends a request as it is; null: the connection was closed without an answer. */
async function ask(text: string | Buffer, port = registry.port()): Promise<RawResponse | null> {
  return await rawRequest(port, typeof text === "string" ? bytes(text) : text).catch(() => null);
}

/** The status of a GET, the code of its problem behind it; null: closed. */
async function get(target: string, ...fields: string[]): Promise<string | null> {
  const lines = [`GET ${target} HTTP/1.1`, "Host: r", "Connection: close", ...fields];
  return toShort(await ask(`${lines.join("\r\n")}\r\n\r\n`));
}

function toShort(answer: RawResponse | null): string | null {
  if (answer === null) return null;
  const text = Buffer.from(answer.body).toString();
  const isProblem = answer.headers["content-type"]?.startsWith("application/problem+json");
  const code = isProblem === true ? ` ${(JSON.parse(text) as { code: string }).code}` : "";
  return `${answer.status}${code}`;
}

describe("a path", () => {
  const api = "/api/v1/metadata";
  const key = (): string => blob.hash;
  const percents = (text: string): string =>
    text.replace(/./g, (character) => `%${character.charCodeAt(0).toString(16)}`);

  it.each<[string, () => string, string]>([
    ["as it should be", () => `${api}/${key()}`, "200"],
    ["with a key in percents", () => `${api}/${percents(key())}`, "200"],
    ["encoded twice", () => `${api}/${percents(percents(key()))}`, "400 invalid_key_length"],
    ["with the route in percents", () => `/%61pi/v1/metadata/${key()}`, "404 route_not_found"],
    ["with an encoded slash", () => `${api}%2f${key()}`, "404 route_not_found"],
    ["with a slash in the key", () => `${api}/..%2f${key()}`, "400 invalid_key_length"],
    ["with overlong UTF-8", () => `${api}/%c0%ae%c0%ae/${key()}`, "404 route_not_found"],
    [
      "with overlong UTF-8 in the key",
      () => `${api}/%c0%b0${key().slice(1)}`,
      "400 invalid_key_length",
    ],
    ["with a surrogate in UTF-8", () => `${api}/%ed%a0%80`, "400 invalid_key_length"],
    ["with an encoded NUL", () => `${api}/${key()}%00`, "400 invalid_key_length"],
    ["with a NUL in the key", () => `${api}/${key().slice(1)}%00`, "400 invalid_key_digit"],
    ["with a broken escape", () => `${api}/${key().slice(2)}%g`, "400 invalid_key_digit"],
    ["with backslashes, which are slashes in URLs", () => `/api\\v1\\metadata\\${key()}`, "200"],
    ["with dot segments, which URLs do without", () => `/x/../api/./v1/metadata/${key()}`, "200"],
    ["with encoded dot segments", () => `/x/%2e%2E/api/v1/metadata/${key()}`, "200"],
    ["with an encoded backslash", () => `${api}/..%5c${key()}`, "400 invalid_key_length"],
    ["with empty segments", () => `/api//v1/metadata/${key()}`, "404 route_not_found"],
    ["with a slash behind the key", () => `${api}/${key()}/`, "404 route_not_found"],
    ["with parameters in it", () => `${api};a=b/${key()}`, "404 route_not_found"],
    ["that leads out of the tree", () => "/../../../../etc/passwd", "404 route_not_found"],
    [
      "that leads out in percents",
      () => "/swagger/%2e%2e/%2e%2e/etc/passwd",
      "404 route_not_found",
    ],
    ["of a file of the binary", () => "/$bunfs/root/registry", "404 route_not_found"],
    ["named like what objects have", () => "/__proto__", "404 route_not_found"],
    ["with a key like that", () => `${api}/constructor`, "400 invalid_key_length"],
    [
      "with a key of other digits",
      () => `${api}/${"%ef%bc%91".repeat(32)}`,
      "400 invalid_key_digit",
    ],
    ["of SQL", () => `${api}/${"'%20OR%201=1%20--".padEnd(60, "0")}`, "400 invalid_key_length"],
    ["of 10,000 characters", () => `/${"a".repeat(10_000)}`, "404 route_not_found"],
    ["with a key of 10,000", () => `${api}/${"a".repeat(10_000)}`, "400 invalid_key_length"],
  ])("%s", async (_, target, wanted) => {
    expect(await get(target())).toBe(wanted);
  });

  it.each([
    ["of a megabyte", `/${"a".repeat(2 ** 20)}`],
    ["with a NUL", "/api\0"],
    ["with a bare CR", "/api\r/v1"],
    ["with an escape of terminals", "/\u001b[2J"],
    ["with a space", "/a b"],
    ["of raw bytes above 127", "/\xc0\xae\xff"],
  ])("%s is refused, or nothing", async (_, target) => {
    const status = await get(target);
    // Closed while still sending: the reset may overtake the answer.
    if (status === null) expect(target.length).toBeGreaterThan(2 ** 16);
    else expect(status).toMatch(/^(?:400|404|414|431|505)\b/);
  });
});

describe("what is sent", () => {
  const mark = "MARK<script>'";
  const fields = [
    ..."Range If-Match If-None-Match If-Range If-Modified-Since Origin Authorization Cookie".split(
      " ",
    ),
    ..."Forwarded X-Forwarded-Host X-Forwarded-Proto Referer User-Agent Accept traceparent".split(
      " ",
    ),
    ..."Content-Type Content-Encoding Content-Digest Want-Repr-Digest X-Request-Id Expect".split(
      " ",
    ),
    "Access-Control-Request-Method",
    "Access-Control-Request-Headers",
  ];
  const head = (method: string, target: string, ...lines: string[]): string =>
    [`${method} ${target} HTTP/1.1`, "Connection: close", ...lines, "", ""].join("\r\n");

  function* carriers(): Generator<string> {
    const target = `/api/v1/metadata/${blob.hash}`;
    for (const field of fields) {
      for (const method of ["GET", "PUT", "POST", "OPTIONS"])
        yield head(method, target, "Host: r", `${field}: ${mark}`);
    }
    yield head("GET", target, `Host: ${mark}`);
    yield head("GET", "/", "Host: MARK.example");
    yield head("GET", `/${mark}`, "Host: r");
    yield head("GET", `/api/v1/metadata/${mark.padEnd(64, "0")}`, "Host: r");
    yield head("GET", `/api/v1/metadata/${mark}?${mark}`, "Host: r");
    const bodies = [
      ["multipart/form-data; boundary=MARK", "--MARK\r\n\r\n"],
      ["multipart/form-data; boundary=b", `--b\r\n${mark}: ${mark}\r\n\r\n${mark}\r\n--b--`],
      ["multipart/form-data; boundary=b", `--b\r\n${mark}\r\n\r\n${mark}\r\n--b--`],
      ["application/json", `{"hashes":["${mark}"]}`],
      ["application/json", mark],
    ] as const;
    for (const [type, body] of bodies) {
      const path = type.endsWith("json") ? "/exists" : "";
      const lines = ["Host: r", `Content-Type: ${type}`, `Content-Length: ${body.length}`];
      yield head("POST", `/api/v1/metadata${path}`, ...lines) + body;
    }
  }

  it("is in no refusal, and in no field of an answer", async () => {
    const shown: string[] = [];
    let answers = 0;
    for (const text of carriers()) {
      const answer = await ask(text);
      if (answer === null) continue;
      answers += 1;
      const { headers, body } = answer;
      if (`${JSON.stringify(headers)}${Buffer.from(body).toString()}`.includes("MARK"))
        shown.push(text);
    }
    expect(shown).toEqual([]);
    expect(answers).toBeGreaterThan(80);
  });
});

describe("many header fields", () => {
  const many = (count: number, line: string): string[] => Array<string>(count).fill(line);

  it.each<[string, string[]]>([
    ["10,000 of them", Array.from({ length: 10_000 }, (_, index) => `X-${index}: y`)],
    ["one of a megabyte", [`X: ${"y".repeat(2 ** 20)}`]],
    ["a name of a megabyte", [`${"x".repeat(2 ** 20)}: y`]],
    ["a megabyte of Cookie", [`Cookie: ${"a=b; ".repeat(200_000)}`]],
    ["a second Host", ["Host: other"]],
    ["two lengths", ["Content-Length: 0", "Content-Length: 5"]],
    ["a length that is none", ["Content-Length: 1e3"]],
    ["a length beyond numbers", [`Content-Length: ${"9".repeat(40)}`]],
    ["a name with a space", ["X y: z"]],
    ["no name", [": z"]],
    ["a folded line", ["X: y", " z"]],
  ])("%s are refused, or the connection is", async (_, fields) => {
    const status = await get("/healthz", ...fields);
    if (status !== null) expect(status).toMatch(/^(?:400|413|431)\b/);
  });

  it.each<[string, string[]]>([
    ["100 small ones", Array.from({ length: 100 }, (_, index) => `X-${index}: y`)],
    ["the same 100 times", many(100, "Accept: */*")],
    ["Range 50 times", many(50, "Range: bytes=0-1")],
    ["a thousand ranges", [`Range: bytes=${many(1000, "0-1").join()}`]],
    ["a thousand tags", [`If-None-Match: ${many(100, '"x"').join()}`]],
    ["Forwarded of a thousand hops", [`Forwarded: ${many(500, "for=1.2.3.4").join()}`]],
    ["names that objects have", ["__proto__: x", "constructor: y", "toString: z"]],
  ])("%s do no harm", async (_, fields) => {
    expect(await get(`/api/v1/metadata/${blob.hash}`, ...fields)).toMatch(
      /^(?:200|206|400|416|431)\b/,
    );
  });

  it("a head that never ends is cut off, not gathered", async () => {
    const connection = await connectRaw(registry.port());
    await connection.send("GET / HTTP/1.1\r\nHost: r\r\n");
    const line = `X: ${"y".repeat(1000)}\r\n`;
    for (let sent = 0; sent < 200; sent += 1) await connection.send(line).catch(() => {});
    await connection.ended;
    connection.destroy();
  });
});

describe("JSON that asks which blobs are missing", () => {
  async function exists(json: string): Promise<RawResponse | null> {
    const head = [
      "POST /api/v1/metadata/exists HTTP/1.1",
      "Host: r",
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(json)}`,
      "Connection: close",
    ];
    return await ask(Buffer.from(`${head.join("\r\n")}\r\n\r\n${json}`));
  }
  const listOf = (items: string): string => `{"hashes":[${items}]}`;
  const zeros = "0".repeat(64);

  it.each([
    ["100,000 lists in each other", "[".repeat(100_000), "400 invalid_key_list"],
    ["these, closed", "[".repeat(100_000) + "]".repeat(100_000), "400 invalid_key_list"],
    ["40,000 objects in each other", '{"a":'.repeat(40_000), "400 invalid_key_list"],
    [
      "a list in the depth",
      listOf("[".repeat(50_000) + "]".repeat(50_000)),
      "400 invalid_key_list",
    ],
    ["a number of 200,000 digits", listOf("9".repeat(200_000)), "400 invalid_key_list"],
    ["a number beyond numbers", listOf("1e999999"), "400 invalid_key_list"],
    ["a key of 200,000 digits", listOf(`"${"0".repeat(200_000)}"`), "400 invalid_key_length"],
    ["a million keys", listOf(`${'"",'.repeat(80_000)}""`), "400 too_many_keys"],
    ["more than it may have", listOf(" ".repeat(300_000)), "413 body_too_large"],
    ["a prototype", `{"__proto__":{"hashes":["${zeros}"]}}`, "400 invalid_key_list"],
    ["a list that is none", '{"hashes":{"length":1000000000,"0":"a"}}', "400 invalid_key_list"],
    ["half a surrogate", listOf('"\\ud800"'), "400 invalid_key_length"],
    ["an escaped NUL", listOf(`"${zeros.slice(1)}\\u0000"`), "400 invalid_key_digit"],
    ["two documents", "{}{}", "400 invalid_key_list"],
    ["nothing", "", "400 invalid_key_list"],
  ])("%s", async (_, json, wanted) => {
    const answer = await exists(json);
    expect(toShort(answer)).toBe(wanted);
    expect(answer?.body.length).toBeLessThan(2000);
  });

  it("with a name twice has the last of them, as every JSON.parse", async () => {
    const answer = await exists(`{"hashes":["no key"],"__proto__":1,"hashes":["${zeros}"]}`);
    expect(JSON.parse(Buffer.from(answer?.body ?? []).toString())).toEqual({ missing: [zeros] });
  });
});

const withoutValues = (line: string): string => line.replace(/"(?:[^"\\]|\\.)*"/g, '""');

describe("the log", () => {
  const evil = [
    "\u001b[2J\u001b]0;owned\u0007", // clears the screen, renames the window
    "\u0008\u007f\u000b\u000c", // goes back over what was written
    "\u009b31m", // CSI in one byte
    Buffer.from("\u202egnp.exe\u2066\u200b\ufeff\u2028").toString("latin1"), // turns text around
    '{"level":"error","message":"forged"}',
    'x" client=forged status="200', // closes a quote, and begins a field
    '\\" client=forged \\n',
    "%0d%0a2026-01-01T00:00:00Z ERROR forged",
  ];

  /** Requests that carry `text` in every place that a line of the log may show. */
  function carrying(text: string): string[] {
    const form = `--b\r\nContent-Disposition: form-data; name="${text}"\r\n\r\nx\r\n--b--\r\n`;
    const ending = "Connection: close\r\n\r\n";
    const post = "POST /api/v1/metadata HTTP/1.1\r\nHost: r\r\n";
    return [
      `GET /${text} HTTP/1.1\r\nHost: r\r\n${ending}`,
      `GET /api/v1/metadata/${text} HTTP/1.1\r\nHost: r\r\n${ending}`,
      `GET /healthz HTTP/1.1\r\nHost: ${text}\r\n${ending}`,
      ...["User-Agent", "Forwarded", "X-Forwarded-For", "traceparent", "tracestate"].map(
        (name) => `GET /nothing HTTP/1.1\r\nHost: r\r\n${name}: for=${text}\r\n${ending}`,
      ),
      `${text} / HTTP/1.1\r\nHost: r\r\n${ending}`,
      `${post}Content-Type: multipart/form-data; boundary=b\r\nContent-Length: ${form.length}\r\n` +
        `${ending}${form}`,
      `${post}Content-Type: ${text}\r\nContent-Length: 0\r\n${ending}`,
    ];
  }

  it.each(["json", "text"])("has no byte that a terminal obeys, as %s", async (format) => {
    const port = await freePort();
    const flags = ["--embedded", home.newDirectory(), "--host=127.0.0.1", `--port=${port}`];
    const victim = home.launch([...flags, "--access-log", `--log-format=${format}`]);
    while (!victim.stdout().includes("listening")) await Bun.sleep(5);
    for (const text of evil.flatMap(carrying)) await ask(text, port);
    expect(await victim.kill()).toBe(0);
    const written = victim.stdout() + victim.stderr();
    const lines = written.trimEnd().split("\n");
    expect(lines.length).toBeGreaterThan(30);
    const start =
      format === "json" ? /^\{"time":"[^"]+","level":"(?:info|warn)",/ : /^\S+Z (?:INFO|WARN) /;
    expect(lines.filter((line) => !start.test(line))).toEqual([]);
    expect(lines.filter((line) => /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(line))).toEqual([]);
    // The client is who it is, and no field of a text line begins within a value of another.
    const clients = lines.map((line) =>
      format === "json"
        ? (JSON.parse(line) as { client?: string }).client
        : / client=(\S*)/.exec(withoutValues(line))?.[1],
    );
    expect(new Set(clients)).toEqual(new Set([undefined, "127.0.0.1"]));
    expect(written).toContain("forged"); // it came that far
  });
});
