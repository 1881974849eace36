import { afterEach, describe, expect, it } from "bun:test";
import { createServer, type Server } from "node:net";
import { diag } from "@opentelemetry/api";
import { createLog } from "../../../src/ops/log.ts";
import { createSpanCounts } from "../../../src/ops/tracing/span-counts.ts";
import { startSpanExport, type SpanExport } from "../../../src/ops/tracing/span-export.ts";
import type { SpanQueue } from "../../../src/ops/tracing/traces-config.ts";
import type { EndedSpan } from "../../../src/tracing/span.ts";
import { startOtlpReceiver, type OtlpReceiver } from "../../support/otlp-receiver.ts";
import { eventually, type LogLine } from "../../support/registry.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const beginMs = 1_700_000_000_000.25;

const first: EndedSpan = {
  traceId,
  spanId: "b7ad6b7169203331",
  name: "GET /api/v1/metadata/{hash}",
  kind: "server",
  parentSpanId: "00f067aa0ba902b7",
  isParentRemote: true,
  traceState: "a=b,c=d",
  startMs: beginMs,
  endMs: beginMs + 1.5,
  attributes: {
    "http.response.status_code": 503,
    "error.type": "overloaded",
    text: "a",
    yes: true,
  },
  links: [{ traceId: "f".repeat(32), spanId: "e".repeat(16) }],
  error: "overloaded",
};

let lines: LogLine[] = [];
let counts = createSpanCounts();
let running: SpanExport | null = null;
let receiver: OtlpReceiver | null = null;
let sockets: Server | null = null;

afterEach(async () => {
  await running?.stop(100);
  await receiver?.stop();
  sockets?.close();
  [running, receiver, sockets] = [null, null, null];
});

function start(url: string, changes: Partial<SpanQueue> = {}): SpanExport {
  lines = [];
  counts = createSpanCounts();
  const log = createLog({
    level: "debug",
    format: "json",
    write: (line) => void lines.push(JSON.parse(line) as LogLine),
  });
  const queue = { spansMax: 100, batchSpansMax: 50, delayMs: 20, exportMsMax: 1000, ...changes };
  running = startSpanExport({ url: `${url}/v1/traces`, queue, counts, log });
  return running;
}

const warnings = (): readonly LogLine[] => lines.filter(({ level }) => level === "warn");

describe("an export of spans", () => {
  it("brings them as they are", async () => {
    receiver = startOtlpReceiver();
    const { take } = start(receiver.url);
    take(first);
    take({
      ...first,
      spanId: "1".repeat(16),
      parentSpanId: null,
      traceState: null,
      kind: "client",
    });
    take({ ...first, spanId: "2".repeat(16), kind: "internal", error: null, attributes: {} });
    await eventually(() => receiver?.spans().length === 3);
    const [one, two, three] = receiver.spans();
    expect(one).toMatchObject({
      traceId,
      spanId: first.spanId,
      parentSpanId: "00f067aa0ba902b7",
      traceState: "a=b,c=d",
      name: first.name,
      kind: "server",
      attributes: first.attributes,
      links: first.links,
      isError: true,
      message: "",
    });
    expect(one?.startMs).toBeCloseTo(beginMs, 2);
    expect(one?.endMs).toBeCloseTo(beginMs + 1.5, 2);
    expect(two).toMatchObject({ spanId: "1".repeat(16), parentSpanId: "", traceState: "" });
    expect(two?.kind).toBe("client");
    expect(three).toMatchObject({ spanId: "2".repeat(16), kind: "internal", isError: false });
    expect(counts).toEqual({ exported: 3, dropped: 0, failed: 0 });
    expect(warnings()).toEqual([]);
  });

  it("says who sends, and nothing of the machine", async () => {
    receiver = startOtlpReceiver();
    start(receiver.url).take(first);
    await eventually(() => receiver?.spans().length === 1);
    const [sent] = receiver.exports;
    expect(sent?.path).toBe("/v1/traces");
    expect(sent?.headers.get("content-type")).toBe("application/x-protobuf");
    expect(sent?.resource).toEqual({
      "service.name": "mycelium-cdn-registry",
      "service.version": expect.any(String),
      "service.instance.id": expect.any(String),
    });
  });

  it("sends what waits at its end", async () => {
    receiver = startOtlpReceiver();
    const { take, stop } = start(receiver.url, { delayMs: 1_000_000 });
    take(first);
    await stop(10_000);
    expect(receiver.spans()).toHaveLength(1);
    take(first); // too late, and harmless
  });

  it("can be begun again", async () => {
    receiver = startOtlpReceiver();
    await start(receiver.url).stop(1000);
    start(receiver.url).take(first);
    await eventually(() => receiver?.spans().length === 1);
  });

  it("holds no more than it may, and counts what it dropped", async () => {
    receiver = startOtlpReceiver();
    const { take, stop } = start(receiver.url, {
      spansMax: 5,
      batchSpansMax: 5,
      delayMs: 1_000_000,
    });
    for (let count = 0; count < 8; count += 1) take(first);
    expect(counts.dropped + counts.exported).toBeLessThanOrEqual(8);
    await stop(10_000);
    expect(receiver.spans()).toHaveLength(counts.exported);
    expect(counts.exported + counts.dropped).toBe(8);
    expect(counts.dropped).toBeLessThanOrEqual(3);
  });

  it("warns once of a receiver that is not there, and counts what is lost", async () => {
    const gone = startOtlpReceiver();
    await gone.stop();
    const { take } = start(gone.url, { exportMsMax: 100 });
    for (let count = 1; count <= 2; count += 1) {
      take(first);
      const lost = count;
      await eventually(() => counts.failed + counts.dropped >= lost || warnings().length > 0);
    }
    await running?.stop(100);
    expect(counts.exported).toBe(0);
    expect(warnings().length).toBeLessThanOrEqual(1);
  });

  it("warns once of a receiver that refuses", async () => {
    receiver = startOtlpReceiver(() => new Response("no", { status: 400 }));
    const { take } = start(receiver.url);
    for (let count = 1; count <= 3; count += 1) {
      take(first);
      await eventually(() => counts.failed === count);
    }
    expect(warnings()).toMatchObject([
      { message: "spans could not be exported, and are lost", status: 400 },
    ]);
  });

  it("takes at once, and ends in its time, when nobody answers", async () => {
    const { promise: connected, resolve } = Promise.withResolvers<void>();
    sockets = createServer(() => resolve()).listen(0, "127.0.0.1");
    await new Promise((done) => sockets?.once("listening", done));
    const address = sockets.address();
    const port = typeof address === "object" ? address?.port : 0;
    const { take, stop } = start(`http://127.0.0.1:${port}`, { spansMax: 10, batchSpansMax: 5 });
    take(first);
    await connected;
    for (let count = 0; count < 100; count += 1) take(first);
    await eventually(() => counts.dropped >= 85);
    await stop(100);
    expect(counts.exported).toBe(0);
  });
});

describe("what OpenTelemetry's SDK has to say", () => {
  it("is told in the log, without what it quotes", () => {
    start("http://127.0.0.1:1");
    diag.warn("Configuration: Could not parse 'http://user:secret@host'");
    diag.error('{"message":"secret","name":"Error"}');
    diag.error("TypeError: secret");
    expect(warnings()).toMatchObject([{ what: "Configuration" }]);
    expect(JSON.stringify(lines)).not.toContain("secret");
  });
});
