import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { toHex } from "../../src/domain/bytes.ts";
import { listen, type HttpServer } from "../../src/http/server.ts";
import { createLog } from "../../src/ops/log.ts";
import { hashing } from "../support/blobs.ts";
import { uploaderBody, utf8 } from "../support/form.ts";
import { ask, bunEdges, chunked, decidedEdges, request } from "../support/http-edges.ts";
import { connectRaw, type RawConnection, type RawResponse } from "../support/raw-http.ts";
import { postOf, send } from "../support/raw-upload.ts";
import { eventually, randomBytes, startRegistry, type TestRegistry } from "../support/registry.ts";

const mebibyte = 1024 ** 2;

const stored = utf8("edge");
const storedForm = uploaderBody(stored);
const subject = {
  hash: toHex(hashing.hash(stored)),
  data: "edge",
  fresh: { hash: toHex(hashing.hash(utf8("else"))), data: "else" },
  form: { ...storedForm, body: Buffer.from(storedForm.body).toString("latin1") },
};

const [decidedRows = [], bunRows = []] = tablesOf(
  await Bun.file(`${import.meta.dir}/../../docs/http.md`).text(),
);
const decided = decidedEdges(subject);
const byBun = bunEdges(subject);

let registry: TestRegistry;
/** A server on which every request waits. */
let waiting: HttpServer;
/** Opened first, because its row takes longest. */
let dawdler: RawConnection;

beforeAll(async () => {
  registry = await startRegistry({ blobBytesMax: 10 * mebibyte, cacheBytesMax: mebibyte });
  dawdler = await connectRaw(registry.port);
  await dawdler.send("GET /healthz HTTP/1.1\r\nHost: r\r\n");
  expect((await send(registry.port, postOf(stored))).status).toBe(200);
  expect((await fetch(`${registry.api}/${subject.hash}`)).status).toBe(200); // now it is at hand
  waiting = listen({
    host: "127.0.0.1",
    hostIsDefault: false,
    port: 0,
    idleSecondsMax: 30,
    log: createLog({ level: "error", format: "json", write: () => {} }),
    checks: async () => ({}),
  });
  waiting.serve(() => new Promise<Response>(() => {}));
});
afterAll(async () => {
  await waiting.stop();
  await registry.stop();
});

const large = Buffer.from(uploaderBody(randomBytes(20 * mebibyte)).body);

/** Uploads that are refused before all of them is read, each in its own way. */
const refusedEarly: readonly {
  readonly line: string;
  readonly fields: readonly string[];
  readonly status: number;
  /** Without it, more than a blob may have. */
  readonly body?: Buffer;
}[] = [
  { line: "POST /api/v1/metadata", fields: ["Content-Type: text/plain"], status: 415 },
  { line: "POST /api/v1/metadata", fields: ["Content-Type: multipart/form-data"], status: 400 },
  {
    line: "POST /api/v1/metadata",
    fields: [`Content-Type: ${storedForm.contentType}`],
    status: 413,
  },
  {
    line: "POST /api/v1/metadata/exists",
    fields: ["Content-Type: application/json"],
    status: 413,
  },
  {
    line: `PUT /api/v1/metadata/${subject.hash}`,
    fields: ["If-None-Match: *"],
    status: 412,
    body: large.subarray(0, 5 * mebibyte),
  },
  { line: "PUT /api/v1/metadata/x", fields: [], status: 400 },
  { line: `POST /api/v1/metadata/${subject.hash}`, fields: [], status: 405 },
  { line: "POST /nowhere", fields: [], status: 404 },
  { line: "PUT /healthz", fields: ["Host: s"], status: 400 },
];

const decidedScenes: Readonly<Record<string, () => Promise<void>>> = {
  async "HTTP/1.0 for a blob above 8 MiB"() {
    const data = randomBytes(9 * mebibyte);
    expect((await send(registry.port, postOf(data))).status).toBe(200);
    const connection = await connectRaw(registry.port);
    await connection.send(`GET /api/v1/metadata/${toHex(hashing.hash(data))} HTTP/1.0\r\n\r\n`);
    const { status, headers, body } = await connection.response();
    expect(status).toBe(200);
    expect(headers["transfer-encoding"]).toBeUndefined();
    expect(headers["content-length"]).toBeUndefined();
    expect(Buffer.compare(body, data)).toBe(0);
    expect(await connection.ended).toBe("closed");
  },

  async "an upload refused early, whose client reads while it sends"() {
    await eachRefusal(async (connection, head, body) => {
      await connection.send(head);
      connection.send(body).catch(() => {});
    });
  },

  async "an upload refused early, whose client reads once it has sent all"() {
    await eachRefusal(async (connection, head, body) => {
      connection.pause();
      await connection.send(head);
      await connection.send(body);
      connection.resume();
    });
  },

  async "an upload refused early, whose client waits for the answer"() {
    const refusedUnread = refusedEarly.filter(({ status }) => status !== 413);
    await eachRefusal(async (connection, head) => await connection.send(head), refusedUnread);
  },

  async "an upload refused early, whose client takes longer to send it"() {
    const head = "POST /api/v1/metadata HTTP/1.1\r\nHost: r\r\nContent-Length: 1000000\r\n\r\n";
    const reader = await connectRaw(registry.port);
    const writer = await connectRaw(registry.port);
    writer.pause();
    const both = [reader, writer];
    for (const each of both) await each.send(head);
    let left = 1_000_000;
    for (; reader.received() === 0; left -= 1000) {
      for (const each of both) await each.send("x".repeat(1000));
      await Bun.sleep(10);
    }
    for (const each of both) await each.send("x".repeat(left));
    writer.resume();
    for (const each of both) {
      const response = await each.response();
      expect(response.status).toBe(415);
      expectProblem(response, "unsupported_media_type");
      expect(response.headers["transfer-encoding"]).toBe("chunked");
      expect(await each.ended).toBe("closed");
    }
  },
};

const bunScenes: Readonly<Record<string, () => Promise<void>>> = {
  async "trailer fields"() {
    const path = `/api/v1/metadata/${subject.hash}`;
    for (const trailer of ["X: x", "Content-Length: 4", "no field", "GET / HTTP/1.1\r\nHost: r"]) {
      const connection = await connectRaw(registry.port);
      const body = chunked(subject.data).replace(/\r\n$/, `${trailer}\r\n\r\n`);
      await connection.send(
        request(`PUT ${path} HTTP/1.1`, ["Host: r", "Transfer-Encoding: chunked"], body),
      );
      const first = await connection.response();
      if (first.status !== 400) expect((await connection.response()).status).toBe(400);
      expect([200, 400]).toContain(first.status);
      expect(await connection.ended).toBe("closed");
    }
  },

  async "a request pipelined behind one that waits for the database"() {
    const connection = await connectRaw(waiting.port);
    await connection.send(ask("/") + ask("/"));
    await connection.ended;
    expect(connection.received()).toBe(0);
  },

  async "a client that shuts down its sending side before the answer"() {
    const connection = await connectRaw(waiting.port);
    await connection.send(ask("/"));
    connection.halfClose();
    await connection.ended;
    expect(connection.received()).toBe(0);
  },

  async "headers that take longer than about 12 s"() {
    await dawdler.ended;
    expect(dawdler.received()).toBe(0);
  },
};

describe.each([
  { title: "what the registry decides", rows: decidedRows, table: decided, scenes: decidedScenes },
  { title: "what Bun answers by itself", rows: bunRows, table: byBun, scenes: bunScenes },
])("$title", ({ title, rows, table, scenes }) => {
  it("is, row by row, what docs/http.md has", () => {
    const tested = [...Object.keys(table), ...Object.keys(scenes)];
    expect(rows.length).toBeGreaterThan(20);
    expect(tested.toSorted()).toEqual(rows.map(({ name }) => name).toSorted());
  });

  const isOurs = title === "what the registry decides";
  it.each(Object.entries(table))("%s", async (name, requests) => {
    const answer = rows.find((row) => row.name === name)?.answer ?? parseAnswer("");
    expect(requests.length).toBeGreaterThan(0);
    for (const bytes of requests) await expectAnswer(bytes, answer, isOurs);
  });

  it.each(Object.entries(scenes))("%s", async (_, play) => await play(), 60_000);
});

it("nothing was stored but what was to be, and the registry failed at nothing", async () => {
  await eventually(() => registry.pendingRequests() === 0);
  expect(await registry.rowCounts()).toEqual({ blobs: 2, blob_segments: 9, uploads: 0 });
  expect(registry.lines.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
});

// --- internal ---

/** What a cell of the second column says. */
interface Answer {
  /** In order. */
  readonly statuses: readonly number[];
  /** Whether any one of them will do. */
  readonly isEither: boolean;
  /** Of the refusal, where there is one. */
  readonly code: string | undefined;
  readonly allows: boolean;
  readonly closes: boolean;
}

interface Row {
  readonly name: string;
  readonly answer: Answer;
}

/** The first two cells of every row, table by table. */
function tablesOf(text: string): Row[][] {
  const sections = text.split(/^## /m).slice(1);
  return sections.map((section) =>
    [...section.matchAll(/^\| (?<name>.+?) *\| (?<answer>.*?) *\|/gm)]
      .slice(2) // the head
      .map(({ groups }) => ({
        name: groups?.["name"] ?? "",
        answer: parseAnswer(groups?.["answer"] ?? ""),
      })),
  );
}

function parseAnswer(cell: string): Answer {
  const [text = ""] = /^\d{3}(?:(?:, | or )\d{3})*/.exec(cell) ?? [];
  return {
    statuses: (text.match(/\d{3}/g) ?? []).map(Number),
    isEither: text.includes(" or "),
    code: /^[\d, ]+`(\w+)`/.exec(cell)?.[1],
    allows: cell.includes("with `Allow`"),
    closes: cell.includes("the connection is closed"),
  };
}

/** Sends one request, or several, and compares what comes back with what a row says. */
async function expectAnswer(bytes: string, answer: Answer, isOurs: boolean): Promise<void> {
  const connection = await connectRaw(registry.port);
  await connection.send(Buffer.from(bytes, "latin1"));
  const { statuses, isEither, allows, closes } = answer;
  const responses: RawResponse[] = [];
  while (responses.length < (isEither ? 1 : statuses.length)) {
    responses.push(await connection.response({ isHead: bytes.startsWith("HEAD ") }));
  }
  const found = responses.map(({ status }) => status);
  if (isEither) expect(statuses).toContain(Number(found));
  else expect(found).toEqual([...statuses]);
  const last = responses.at(-1);
  if (last !== undefined && last.status >= 400) expectRefusal(last, answer.code, isOurs);
  if (allows) expectAllow(last, bytes);
  const isRefusedByBun = !isOurs && Number(last?.status) >= 400;
  await (closes || isRefusedByBun ? expectNothingMore(connection) : expectOpen(connection));
}

async function expectNothingMore(connection: RawConnection): Promise<void> {
  const received = connection.received();
  expect(await connection.ended).toBe("closed");
  expect(connection.received()).toBe(received);
}

async function expectOpen(connection: RawConnection): Promise<void> {
  await connection.send(ask("/healthz"));
  const { body } = await connection.response();
  expect(Buffer.from(body).toString()).toBe('{"status":"ok"}');
  connection.destroy();
}

/** Of the registry, a problem document, which HEAD has only the fields of; of Bun, nothing. */
function expectRefusal(response: RawResponse, code: string | undefined, isOurs: boolean): void {
  const { headers, body } = response;
  if (!isOurs) expect(headers).toEqual({ connection: "close" });
  else if (body.length > 0) return expectProblem(response, code);
  else expect(Number(headers["content-length"])).toBeGreaterThan(0);
  expect(body.length).toBe(0);
}

function expectProblem({ status, headers, body, isComplete }: RawResponse, code?: string): void {
  expect(isComplete).toBe(true);
  expect(headers["content-type"]).toBe("application/problem+json");
  expect(headers["cache-control"]).toBe("no-store");
  const problem = JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>;
  expect(problem).toMatchObject({ status, detail: expect.stringMatching(/\w.*\.$/) });
  if (code !== undefined) expect(problem["code"]).toBe(code);
}

/** Names methods of the path: OPTIONS always, one that was refused never. */
function expectAllow(response: RawResponse | undefined, bytes: string): void {
  const allowed = (response?.headers["allow"] ?? "").split(", ");
  const [method = ""] = bytes.split(" ", 1);
  expect(allowed).toContain("OPTIONS");
  if (method !== "OPTIONS") expect(allowed).not.toContain(method);
}

type Play = (connection: RawConnection, head: string, body: Buffer) => Promise<void>;

/** Every refusal, of a body with its length and of one in chunks, comes whole and without reset. */
async function eachRefusal(play: Play, uploads = refusedEarly): Promise<void> {
  for (const { line, fields, status, body: content = large } of uploads) {
    const framings = [
      [`Content-Length: ${content.length}`, content],
      ["Transfer-Encoding: chunked", Buffer.from(chunked(content.toString("latin1")), "latin1")],
    ] as const;
    for (const [framing, body] of framings) {
      const connection = await connectRaw(registry.port);
      await play(connection, request(`${line} HTTP/1.1`, ["Host: r", ...fields, framing]), body);
      const response = await connection.response();
      expect(response.status).toBe(status);
      expectProblem(response);
      expect(response.headers["connection"]).toBe("close");
      expect(await connection.ended).toBe("closed");
    }
  }
}
