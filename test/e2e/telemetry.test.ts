import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { createServer, type Server } from "node:net";
import { limits } from "../../src/domain/limits.ts";
import { uploaderBody } from "../support/form.ts";
import {
  startOtlpReceiver,
  type OtlpReceiver,
  type ReceivedSpan,
} from "../support/otlp-receiver.ts";
import { eventually, randomBytes } from "../support/registry.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import type { Registry } from "./support/observation.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const parentId = "b7ad6b7169203331";
const sampled = { traceparent: `00-${traceId}-${parentId}-01`, tracestate: "vendor=1" };
const unsampled = { traceparent: `00-${traceId}-${parentId}-00` };
const secret = "Bearer%20correct-horse";

let home: BinaryHome;
beforeAll(() => {
  home = createBinaryHome();
});
afterAll(() => home.remove());

let receiver: OtlpReceiver | null = null;
let registry: Registry | null = null;
afterEach(async () => {
  await registry?.kill("SIGKILL");
  await receiver?.stop();
  [registry, receiver] = [null, null];
});

/** Starts a registry whose telemetry goes to `url`, soon after it happened. */
async function start(url: string, environment: Record<string, string> = {}): Promise<Registry> {
  registry = await home.start(["--embedded", home.newDirectory(), ...anyPort], {
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_BSP_SCHEDULE_DELAY: "50",
      OTEL_METRIC_EXPORT_INTERVAL: "200",
      REGISTRY_LOG_FORMAT: "json",
      REGISTRY_SLOW_REQUEST: "0s",
      ...environment,
    },
  });
  return registry;
}

async function upload(api: string, data: Uint8Array<ArrayBuffer>, headers = {}): Promise<string> {
  const { body, contentType } = uploaderBody(data);
  const request = { method: "POST", body, headers: { "Content-Type": contentType, ...headers } };
  const response = await fetch(api, request);
  expect(response.status).toBe(200);
  const { hash } = (await response.json()) as { readonly hash: string };
  return hash;
}

/** Waits for the spans of whole traces: `count` requests of them. */
async function requestsIn({ spans }: OtlpReceiver, count: number): Promise<ReceivedSpan[]> {
  const servers = (): ReceivedSpan[] => spans().filter(({ kind }) => kind === "server");
  await eventually(() => servers().length >= count);
  return servers();
}

describe("telemetry by OTLP, of the binary", () => {
  it("continues a trace, and tells where the time of an upload went", async () => {
    receiver = startOtlpReceiver();
    const { api } = await start(receiver.url);
    await upload(api(), randomBytes(1000), sampled);
    const [first] = await requestsIn(receiver, 1);
    expect(first).toMatchObject({
      traceId,
      parentSpanId: parentId,
      traceState: "vendor=1",
      name: "POST /api/v1/metadata",
      isError: false,
      attributes: { "http.route": "/api/v1/metadata", "http.response.status_code": 200 },
    });
    const spans = receiver.spans();
    const below = (parent?: ReceivedSpan): string[] =>
      spans.filter(({ parentSpanId }) => parentSpanId === parent?.spanId).map(({ name }) => name);
    expect(below(first).toSorted()).toEqual(
      ["receive", "parse", "hash", "queue wait", "batch write", "send"].toSorted(),
    );
    expect(below(spans.find(({ name }) => name === "batch write"))).toEqual(["INSERT blobs"]);
    expect(spans.every((span) => span.traceId === traceId)).toBe(true);
  });

  it("sends metrics and traces as the same instance", async () => {
    receiver = startOtlpReceiver();
    const { exports } = receiver;
    const names = { OTEL_SERVICE_NAME: "blobs", OTEL_RESOURCE_ATTRIBUTES: "deployment=test" };
    const { api } = await start(receiver.url, names);
    await upload(api(), randomBytes(10));
    await eventually(() => new Set(exports.map(({ path }) => path)).size === 2);
    const traces = exports.find(({ path }) => path === "/v1/traces");
    const metrics = exports.find(({ path }) => path === "/v1/metrics");
    expect(traces?.resource).toEqual({
      "service.name": "blobs",
      "service.version": expect.any(String),
      "service.instance.id": expect.any(String),
      deployment: "test",
    });
    expect(metrics?.resource).toEqual(traces?.resource ?? {});
    expect(metrics?.metrics.map(({ name }) => name)).toContain("registry.spans.exported");
  });

  it("links a batch to its requests, and them to it", async () => {
    receiver = startOtlpReceiver();
    const { api } = await start(receiver.url);
    const { spans } = receiver;
    const batches = (): ReceivedSpan[] =>
      spans().filter(({ name, parentSpanId }) => name === "batch write" && parentSpanId === "");
    let sent = 0;
    while (batches().length === 0) {
      await Promise.all(Array.from({ length: 20 }, () => upload(api(), randomBytes(100))));
      sent += 20;
      await requestsIn(receiver, sent);
    }
    const [batch] = batches();
    const size = Number(batch?.attributes["registry.batch.size"]);
    expect(size).toBeGreaterThan(1);
    expect(batch?.links).toHaveLength(size);
    for (const link of batch?.links ?? []) {
      const request = spans().find(({ spanId }) => spanId === link.spanId);
      expect(request).toMatchObject({ kind: "server", traceId: link.traceId });
      const beside = spans().find(
        ({ name, parentSpanId }) => name === "batch write" && parentSpanId === link.spanId,
      );
      expect(beside?.links).toEqual([
        { traceId: String(batch?.traceId), spanId: String(batch?.spanId) },
      ]);
    }
  });

  it("tells of a download that is streamed when it is over", async () => {
    receiver = startOtlpReceiver();
    const { api } = await start(receiver.url);
    const bytesTotal = limits.bufferedResponseBytesMax + 1;
    const hash = await upload(api(), randomBytes(bytesTotal), unsampled);
    const body = await (await fetch(`${api()}/${hash}`, { headers: sampled })).arrayBuffer();
    expect(body.byteLength).toBe(bytesTotal);
    const [first] = await requestsIn(receiver, 1);
    expect(first?.attributes["http.response.body.size"]).toBe(bytesTotal);
    expect(first?.parentSpanId).toBe(parentId);
  });

  it("records what the sampler says, and the log names what is recorded", async () => {
    receiver = startOtlpReceiver();
    const sampler = { OTEL_TRACES_SAMPLER: "parentbased_always_off", REGISTRY_ACCESS_LOG: "true" };
    const { api, lines } = await start(receiver.url, sampler);
    for (const headers of [{}, unsampled, sampled]) {
      await fetch(`${api()}/${"0".repeat(64)}`, { headers });
    }
    const [first] = await requestsIn(receiver, 1);
    expect(first).toMatchObject({ traceId, parentSpanId: parentId });
    const told = lines().filter(({ message }) => message === "request");
    expect(told.map((line) => [line["trace_id"], line["span_id"]])).toEqual([
      [undefined, undefined],
      [traceId, undefined],
      [traceId, first?.spanId],
    ]);
  });

  it.each([
    ["no endpoint", { OTEL_EXPORTER_OTLP_ENDPOINT: "" }],
    ["OTEL_SDK_DISABLED", { OTEL_SDK_DISABLED: "true" }],
    ["OTEL_TRACES_EXPORTER", { OTEL_TRACES_EXPORTER: "none" }],
  ])("is off by %s", async (_, environment) => {
    receiver = startOtlpReceiver();
    const { api, kill } = await start(receiver.url, environment);
    await upload(api(), randomBytes(10), sampled);
    await kill();
    expect(receiver.spans()).toEqual([]);
  });

  it("sends headers and gzip as it is told, and tells nobody the secret in them", async () => {
    receiver = startOtlpReceiver(() => new Response("no", { status: 401 }));
    const { exports } = receiver;
    const running = await start(receiver.url, {
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=${secret}`,
      OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
      OTEL_LOG_LEVEL: "debug",
      REGISTRY_LOG_LEVEL: "debug",
    });
    await upload(running.api(), randomBytes(10));
    await requestsIn(receiver, 1);
    await eventually(() => new Set(exports.map(({ path }) => path)).size === 2);
    for (const { headers } of exports) {
      expect(headers.get("authorization")).toBe(decodeURIComponent(secret));
      expect(headers.get("content-encoding")).toBe("gzip");
    }
    await eventually(() => running.stdout().includes("spans could not be exported"));
    expect(await running.kill()).toBe(0);
    expect(running.stdout() + running.stderr()).not.toContain("correct-horse");
    expect(running.stderr()).toBe("");
  });

  it("that nobody takes fails no request, and holds up no end", async () => {
    const sockets = createServer();
    const port = await listening(sockets);
    const gone = startOtlpReceiver();
    await gone.stop();
    const refusing = startOtlpReceiver(() => new Response("no", { status: 500 }));
    try {
      for (const url of [`http://127.0.0.1:${port}`, gone.url, refusing.url]) {
        const running = await start(url, { OTEL_BSP_MAX_QUEUE_SIZE: "50" });
        const data = randomBytes(500);
        const hash = await upload(running.api(), data);
        for (let round = 0; round < 20; round += 1) {
          const answers = Array.from({ length: 10 }, async () => {
            const response = await fetch(`${running.api()}/${hash}`);
            return Buffer.from(await response.arrayBuffer()).equals(data);
          });
          expect(await Promise.all(answers)).not.toContain(false);
        }
        expect(await running.kill()).toBe(0);
      }
    } finally {
      sockets.close();
      await refusing.stop();
    }
  });
});

/** Listens and never answers. */
async function listening(sockets: Server): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  sockets.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = sockets.address();
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}
