import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../src/domain/bytes.ts";
import type { ErrorCode } from "../src/domain/errors.ts";
import { createApi, type Handlers } from "../src/http/api.ts";
import { describeApi, toYaml } from "../src/http/documents/document.ts";
import { exampleBlob } from "../src/http/documents/examples.ts";
import { documentPaths, methodsOf } from "../src/http/path-map.ts";
import { statusOf } from "../src/http/problem.ts";
import { listen } from "../src/http/server.ts";
import { createLog } from "../src/ops/log.ts";
import { readApiDocument, type ApiDocument, type ApiResponse } from "./support/api-document.ts";
import {
  apiRequests,
  deniedHash,
  expiredToken,
  limitRequests,
  sendApiRequest,
  tokenRequests,
  type ApiRequest,
} from "./support/api-requests.ts";
import { randomBlob } from "./support/blobs.ts";
import { overwriteRow } from "./support/damage.ts";
import { utf8 } from "./support/form.ts";
import type { RawResponse } from "./support/raw-http.ts";
import { startRegistry, temporaryDirectory, type TestRegistry } from "./support/registry.ts";

const committed = join(import.meta.dir, "../openapi.yaml");

/** What comes before any operation: the document tells of it at its beginning. */
const codesOfNoOperation: readonly ErrorCode[] = [
  "route_not_found",
  "method_not_allowed",
  "invalid_host",
  "invalid_label",
];

/** What it takes a fault to see, so that no request here brings it about. */
const faultStatuses = ["408", "500", "503", "507"];

/** Fields that say how a message travels, not what it is. */
const transportFields = [
  "connection",
  "content-length",
  "content-type",
  "date",
  "transfer-encoding",
];

/** Fields that are not the same for every answer about the example blob. */
const variableFields = [
  "content-length",
  "last-modified",
  "ratelimit",
  "ratelimit-policy",
  "retry-after",
  "www-authenticate",
];

let document: ApiDocument;
beforeAll(async () => {
  document = await readApiDocument();
});

describe("openapi.yaml", () => {
  it("is what the routes say of themselves", async () => {
    if ((await Bun.file(committed).text()) === toYaml(await describeApi())) return;
    throw new Error("openapi.yaml is stale: run `bun run openapi` and commit what it writes");
  });

  it("holds the same as YAML as it does as JSON", async () => {
    expect(Bun.YAML.parse(toYaml(document.whole))).toEqual(document.whole);
  });

  it("names no host: it holds wherever it is served", async () => {
    expect(document.whole["servers"]).toEqual([{ url: "/" }]);
    expect(toYaml(document.whole)).not.toMatch(/https?:\/\//);
  });
});

describe("the operations", () => {
  it("are the routes, but for the documents and what HEAD asks of health", () => {
    const told = document.operations.map(({ method, path }) => `${method} ${path}`);
    const hidden = [
      "HEAD /healthz",
      "HEAD /livez",
      "HEAD /readyz",
      ...documentPaths.flatMap((path) => [`GET ${path}`, `HEAD ${path}`]),
    ];
    expect([...told, ...hidden].toSorted()).toEqual(routes().toSorted());
  });

  it("are what the path map lets through, beside OPTIONS, and HEAD wherever GET is", () => {
    const told = Map.groupBy(document.operations, ({ path }) => path);
    for (const path of [...told.keys(), ...documentPaths]) {
      const methods = new Set(told.get(path)?.map(({ method }) => method) ?? ["GET"]);
      if (methods.has("GET")) methods.add("HEAD");
      const allowed = methodsOf(path.replace("{hash}", exampleBlob.hash)) ?? [];
      expect([path, ...allowed].toSorted()).toEqual([path, ...methods, "OPTIONS"].toSorted());
    }
  });

  it.each(Object.keys(statusOf) as ErrorCode[])("tell of the code %s", (code) => {
    const isTold = document.operations.some(({ responses }) =>
      responses[statusOf[code]]?.description.includes(`\`${code}\`:`),
    );
    const { description } = document.whole["info"] as { readonly description: string };
    const isOfNone = codesOfNoOperation.includes(code);
    expect(isTold).toBe(!isOfNone);
    expect(description.includes(`${statusOf[code]} \`${code}\``)).toBe(isOfNone);
  });

  it("tell of each code under its own status only", () => {
    for (const { responses } of document.operations) {
      for (const [status, { description }] of Object.entries(responses)) {
        const codes = [...description.matchAll(/`(\w+)`:/g)].map(([, code]) => code as ErrorCode);
        expect(codes.map((code) => String(statusOf[code]))).toEqual(codes.map(() => status));
      }
    }
  });
});

describe("a registry answers as the document says", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry();
    registry.app.measures.brakes.denied.takedowns.add(deniedHash);
  });
  afterAll(() => registry.stop());

  const send = async (request: ApiRequest): Promise<RawResponse> =>
    await sendApiRequest(registry.port, document.operation(request.operation), request);

  // In this order: the first stores the example.
  it.each(apiRequests.map((request) => [nameOf(request), request] as const))(
    "%s",
    async (_, request) => {
      expect(complaintsOf(request, await send(request))).toEqual([]);
    },
  );

  it("loadMetadata: corrupt_blob", async () => {
    const { hash, data } = randomBlob(100);
    const key = toHex(hash);
    const put: ApiRequest = { operation: "putMetadata", outcome: 201, key, body: data };
    expect((await send(put)).status).toBe(201);
    await overwriteRow(registry.database, hash, data.toReversed());
    const get: ApiRequest = { operation: "loadMetadata", outcome: "corrupt_blob", key };
    expect(complaintsOf(get, await send(get))).toEqual([]);
  });

  it("tells no status that no request here brings about, but for faults", () => {
    for (const { id, responses } of document.operations) {
      const sent = [...apiRequests, ...tokenRequests, ...limitRequests];
      const given = sent.filter(({ operation }) => operation === id).map(statusFor);
      const told = Object.keys(responses).filter((status) => !faultStatuses.includes(status));
      expect([id, ...told]).toEqual([id, ...new Set(given.map(String))].toSorted(byNumber));
    }
  });

  it("shows in its examples what the registry answers", async () => {
    const headers = { "Content-Type": "application/json" };
    const body = utf8(JSON.stringify(exampleOf("KeyList")));
    const missing = await send({ operation: "findMissing", outcome: 200, headers, body });
    expect(jsonOf(missing)).toEqual(exampleOf("Missing"));
    const blob = utf8(exampleBlob.text);
    const receipt = await send({ operation: "putMetadata", outcome: 200, body: blob });
    const asNew: Json = { ...jsonOf(receipt), created: true };
    expect(asNew).toEqual(exampleOf("Receipt"));
    const ready = jsonOf(await send({ operation: "ready", outcome: 200 }));
    expect(JSON.stringify(ready).replace(/"age_ms":\d+/, '"age_ms":0')).toBe(
      JSON.stringify(exampleOf("Readiness")),
    );
  });
});

describe("a registry that wants a token answers as the document says", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    const directory = temporaryDirectory();
    const uploadTokenFile = join(directory, "tokens");
    await Bun.write(uploadTokenFile, `${expiredToken} bob 2020-01-01T00:00:00Z\n`);
    registry = await startRegistry({ uploadTokenFile });
    rmSync(directory, { recursive: true });
  });
  afterAll(() => registry.stop());

  it.each(tokenRequests.map((request) => [nameOf(request), request] as const))(
    "%s",
    async (_, request) => {
      const operation = document.operation(request.operation);
      const answer = await sendApiRequest(registry.port, operation, request);
      expect(complaintsOf(request, answer)).toEqual([]);
    },
  );
});

describe("a registry with limits answers as the document says", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    const once = { amount: 1, perMs: 3_600_000 };
    registry = await startRegistry({ rates: { uploads: once, reads: once } });
  });
  afterAll(() => registry.stop());

  it.each(limitRequests.map((request) => [nameOf(request), request] as const))(
    "%s",
    async (_, request) => {
      const operation = document.operation(request.operation);
      const answer = await sendApiRequest(registry.port, operation, request);
      expect(complaintsOf(request, answer)).toEqual([]);
      expect(Object.keys(answer.headers)).toContain("ratelimit");
    },
  );
});

describe("a registry that is starting answers as the document says", () => {
  const checks = async () => ({
    database: { status: "unavailable", detail: "not connected yet", ageMs: 0 } as const,
  });
  const log = createLog({ level: "error", format: "json", write: () => {} });
  const server = listen({
    host: "127.0.0.1",
    hostIsDefault: false,
    port: 0,
    idleSecondsMax: 30,
    log,
    checks,
  });
  afterAll(() => server.stop());

  it.each<[operation: string, outcome: ApiRequest["outcome"]]>([
    ["saveMetadata", "starting"],
    ["findMissing", "starting"],
    ["loadMetadata", "starting"],
    ["headMetadata", "starting"],
    ["putMetadata", "starting"],
    ["health", 200],
    ["live", 200],
    ["ready", 503],
  ])("%s: %s", async (operation, outcome) => {
    const request = { operation, outcome };
    const answer = await sendApiRequest(server.port, document.operation(operation), request);
    expect(complaintsOf(request, answer)).toEqual([]);
  });
});

// --- internal ---

type Json = Readonly<Record<string, unknown>>;

function nameOf({ operation, outcome, headers = {} }: ApiRequest): string {
  const told = Object.keys(headers).filter((name) => name !== "Content-Type");
  return `${operation}: ${outcome}${told.length === 0 ? "" : `, with ${told.join(", ")}`}`;
}

function statusFor({ outcome }: ApiRequest): number {
  return typeof outcome === "number" ? outcome : statusOf[outcome];
}

/** The example of a schema. */
function exampleOf(name: string): Json {
  const { schemas } = document.whole["components"] as {
    readonly schemas: Readonly<Record<string, { readonly example?: Json }>>;
  };
  return schemas[name]?.example ?? {};
}

function byNumber(a: string, b: string): number {
  return Number(a) - Number(b);
}

/** Every route that there is, `GET /healthz` and the like. */
function routes(): string[] {
  const nothing = async () => new Response();
  const handlers = new Proxy({} as Handlers, { get: () => nothing });
  return createApi(handlers).routes.map(
    ({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`,
  );
}

/** What an answer has that the document does not say, and the other way round. */
function complaintsOf(request: ApiRequest, answer: RawResponse): string[] {
  const { operation, outcome } = request;
  const told = document.operation(operation).responses[answer.status];
  if (told === undefined) return [`${answer.status} is not told of`];
  const found = answer.status === statusFor(request) ? [] : [`${answer.status}, not ${outcome}`];
  found.push(...fieldComplaints(told, answer));
  if (typeof outcome === "string" && !told.description.includes(`\`${outcome}\`:`)) {
    found.push(`${outcome} is not told of`);
  }
  if (document.operation(operation).method === "HEAD") return found;
  found.push(...bodyComplaints(told, answer));
  if (typeof outcome === "string" && jsonOf(answer)["code"] !== outcome) {
    found.push(`the code is ${String(jsonOf(answer)["code"])}`);
  }
  return found;
}

function fieldComplaints({ headers }: ApiResponse, answer: RawResponse): string[] {
  const strange = Object.keys(answer.headers).filter(
    (name) => headers[name] === undefined && !transportFields.includes(name),
  );
  const missing = Object.entries(headers).filter(
    ([name, { required = false }]) => required && answer.headers[name] === undefined,
  );
  const other = Object.entries(answer.headers).filter(
    ([name, value]) =>
      headers[name] !== undefined &&
      !variableFields.includes(name) &&
      value !== String(headers[name].schema.example),
  );
  return [
    ...strange.map((name) => `${name} is not told of`),
    ...missing.map(([name]) => `${name} is missing`),
    ...other.map(([name, value]) => `${name} is ${value}`),
  ];
}

function bodyComplaints({ content }: ApiResponse, answer: RawResponse): string[] {
  const type = answer.headers["content-type"];
  if (type === undefined) return answer.body.length === 0 ? [] : ["a body without a type"];
  const told = content[type];
  if (told === undefined) return [`${type} is not told of`];
  if (told.schema.format === "binary") return [];
  const body = jsonOf(answer);
  const isExample = told.example !== undefined && told.example["code"] === body["code"];
  if (isExample && !Bun.deepEquals(told.example, body)) {
    return [`the example is not ${JSON.stringify(body)}`];
  }
  return document.schemaComplaints(told.schema, body);
}

function jsonOf({ body }: RawResponse): Json {
  return JSON.parse(new TextDecoder().decode(body)) as Json;
}
