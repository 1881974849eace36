import { afterEach, beforeEach, describe, expect, it } from "bun:test";
import type { Bytes } from "../../src/domain/bytes.ts";
import { limits } from "../../src/domain/limits.ts";
import { createRequestTraces } from "../../src/http/request-traces.ts";
import { createSampler, type SamplerOptions } from "../../src/tracing/sampler.ts";
import type { EndedSpan } from "../../src/tracing/span.ts";
import { uploaderBody } from "../support/form.ts";
import { rawRequest } from "../support/raw-http.ts";
import { recordSpans, type RecordedSpans } from "../support/recorded-spans.ts";
import {
  eventually,
  randomBytes,
  startRegistry,
  type TestRegistry,
  type TestRegistryOptions,
} from "../support/registry.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const parentId = "b7ad6b7169203331";
const traceparent = `00-${traceId}-${parentId}-01`;

let spans: RecordedSpans;
let registry: TestRegistry;
beforeEach(() => {
  spans = recordSpans();
});
afterEach(async () => {
  spans.stop();
  await registry.stop();
});

interface Recording extends Partial<SamplerOptions> {
  readonly continuesTraces?: boolean;
}

async function start(recording: Recording = {}, options: TestRegistryOptions = {}): Promise<void> {
  const { isParentBased = true, ratio = 1, continuesTraces = true } = recording;
  const sampler = createSampler({ isParentBased, ratio });
  const traces = createRequestTraces({ sampler, continuesTraces, take: spans.take });
  registry = await startRegistry({ ...options, traces });
}

async function upload(data: Bytes, headers: Record<string, string> = {}): Promise<string> {
  const { body, contentType } = uploaderBody(data);
  const response = await fetch(registry.api, {
    method: "POST",
    body,
    headers: { "Content-Type": contentType, ...headers },
  });
  const { hash } = (await response.json()) as { readonly hash: string };
  return hash;
}

/** The first span of the only trace there is, and those below it. */
async function onlyTrace(): Promise<[first: EndedSpan, others: EndedSpan[]]> {
  await eventually(() => spans.ended.some(({ kind }) => kind === "server"));
  const servers = spans.ended.filter(({ kind }) => kind === "server");
  expect(servers).toHaveLength(1);
  const [first] = servers;
  if (first === undefined) throw new Error("no request was recorded");
  return [first, spans.ended.filter((span) => span !== first)];
}

describe("a recorded upload", () => {
  it("tells where its time went, in the trace of whoever sent it", async () => {
    await start();
    const data = randomBytes(1000);
    await upload(data, { traceparent, tracestate: "a=b" });
    const [first, others] = await onlyTrace();
    expect(first).toMatchObject({
      traceId,
      parentSpanId: parentId,
      isParentRemote: true,
      traceState: "a=b",
      name: "POST /api/v1/metadata",
      error: null,
      attributes: {
        "http.request.method": "POST",
        "http.route": "/api/v1/metadata",
        "http.response.status_code": 200,
        "url.path": "/api/v1/metadata",
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "server.port": registry.port,
      },
    });
    const names = ["receive", "parse", "hash", "queue wait", "batch write", "send"];
    const below = others.filter(({ parentSpanId }) => parentSpanId === first.spanId);
    expect(below.map(({ name }) => name)).toEqual(names);
    const batch = spans.named("batch write");
    expect(batch.attributes).toEqual({ "registry.batch.kind": "write", "registry.batch.size": 1 });
    expect(batch.links).toMatchObject([{ traceId, spanId: first.spanId }]);
    expect(spans.named("INSERT blobs")).toMatchObject({
      kind: "client",
      parentSpanId: batch.spanId,
    });
    for (const { startMs, endMs } of others) {
      expect(startMs).toBeGreaterThanOrEqual(first.startMs);
      expect(endMs).toBeLessThanOrEqual(first.endMs);
    }
  });

  it("in pieces tells of every statement, and none of another's", async () => {
    await start();
    await upload(randomBytes(limits.inlineBlobBytesMax + 1));
    const [first, others] = await onlyTrace();
    expect(others.every((span) => span.traceId === first.traceId)).toBe(true);
    expect(spans.names()).toContain("INSERT blob_segments");
    const transaction = spans.named("TRANSACTION");
    expect(transaction.parentSpanId).toBe(first.spanId);
    expect(spans.named("INSERT uploads").parentSpanId).toBe(transaction.spanId);
    expect(spans.named("hash").attributes["registry.hash.size"]).toBe(limits.segmentBytes);
  });
});

describe("a recorded download", () => {
  it("tells of the statement and of the verifying, and of a cache that had it", async () => {
    await start({}, { cacheBytesMax: 1_000_000 });
    const hash = await upload(randomBytes(1000), { traceparent: traceparent.replace(/1$/, "0") });
    expect(spans.ended).toEqual([]); // its sender does not record it
    for (const query of ["?q=secret", ""]) await fetch(`${registry.api}/${hash}${query}`);
    const found = spans.ended.filter(({ kind }) => kind === "server");
    expect(found.map(({ name }) => name)).toEqual([
      "GET /api/v1/metadata/{hash}",
      "GET /api/v1/metadata/{hash}",
    ]);
    expect(found.map(({ attributes }) => attributes["registry.cache.hit"])).toEqual([
      undefined,
      true,
    ]);
    expect(spans.names()).toEqual([
      "queue wait",
      "SELECT blobs",
      "verify",
      "batch read",
      "send",
      "GET /api/v1/metadata/{hash}",
      "GET /api/v1/metadata/{hash}",
    ]);
    expect(JSON.stringify(spans.ended)).not.toContain("secret");
  });

  it("of a large blob ends with its body", async () => {
    const bytesTotal = limits.bufferedResponseBytesMax + 1;
    await start();
    const hash = await upload(randomBytes(bytesTotal), {
      traceparent: `${traceparent.slice(0, -1)}0`,
    });
    const response = await fetch(`${registry.api}/${hash}`);
    expect(spans.names()).not.toContain("send");
    expect((await response.arrayBuffer()).byteLength).toBe(bytesTotal);
    const [first, others] = await onlyTrace();
    expect(first.attributes["http.response.body.size"]).toBe(bytesTotal);
    expect(others.every((span) => span.traceId === first.traceId)).toBe(true);
    expect(spans.names().filter((name) => name === "SELECT blob_segments")).not.toEqual([]);
    expect(spans.named("send").error).toBeNull();
  });

  it("of a client that goes says so", async () => {
    await start();
    const data = randomBytes(limits.bufferedResponseBytesMax * 4);
    const hash = await upload(data, { traceparent: `${traceparent.slice(0, -1)}0` });
    const response = await fetch(`${registry.api}/${hash}`);
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    const [first] = await onlyTrace();
    expect(first.error).toBeNull();
    expect(spans.named("send").error).toBe("client_gone");
  });

  it("has the answer to HEAD sent at once", async () => {
    await start();
    const hash = await upload(randomBytes(10), { traceparent: `${traceparent.slice(0, -1)}0` });
    await fetch(`${registry.api}/${hash}`, { method: "HEAD" });
    const [first] = await onlyTrace();
    expect(first.name).toBe("HEAD /api/v1/metadata/{hash}");
  });
});

describe("a request that is refused", () => {
  it("is no failure, but says why", async () => {
    await start();
    await fetch(`${registry.api}/${"0".repeat(64)}`);
    const [first] = await onlyTrace();
    expect(first).toMatchObject({
      error: null,
      attributes: { "http.response.status_code": 404, "registry.error.code": "not_found" },
    });
  });

  it("is a failure where it is ours, by its code", async () => {
    await start({}, { timeoutMs: 1000 });
    await registry.database.close();
    await fetch(`${registry.api}/${"0".repeat(64)}`);
    const [first] = await onlyTrace();
    const code = String(first.attributes["registry.error.code"]);
    expect(first.error).toBe(code);
    expect(first.attributes["error.type"]).toBe(code);
    expect(first.attributes["http.response.status_code"]).toBeGreaterThanOrEqual(500);
    const failed = registry.lines.find(({ message }) => message === "request failed");
    expect(failed).toMatchObject({ trace_id: first.traceId, span_id: first.spanId });
  });

  it("has no route where there is none, and no method that HTTP does not know", async () => {
    await start();
    const path = `/nowhere/${"a".repeat(2000)}`;
    const head = `PROPFIND ${path} HTTP/1.1\r\nHost: r\r\n`;
    await rawRequest(registry.port, `${head}Connection: close\r\n\r\n`);
    const [first] = await onlyTrace();
    expect(first.name).toBe("HTTP");
    expect(first.attributes).toMatchObject({
      "http.request.method": "_OTHER",
      "http.request.method_original": "PROPFIND",
      "url.path": path.slice(0, 1024),
    });
    expect(first.attributes).not.toHaveProperty("http.route");
  });
});

describe("what is recorded", () => {
  it("is by the parent where it is to be, else by the ratio", async () => {
    await start({ ratio: 0 });
    await fetch(`${registry.url}/healthz`);
    await fetch(`${registry.url}/livez`, {
      headers: { traceparent: `${traceparent.slice(0, -1)}0` },
    });
    expect(spans.ended).toEqual([]);
    await fetch(`${registry.url}/healthz`, { headers: { traceparent } });
    const [first] = await onlyTrace();
    expect(first).toMatchObject({ traceId, name: "GET /healthz" });
  });

  it("is not another's trace where those are not believed", async () => {
    await start({ continuesTraces: false });
    await fetch(`${registry.url}/healthz`, { headers: { traceparent, tracestate: "a=b" } });
    const [first] = await onlyTrace();
    expect(first).toMatchObject({ parentSpanId: null, traceState: null });
    expect(first.traceId).not.toBe(traceId);
  });

  it("is told in the log, so that one leads to the other", async () => {
    await start({}, { accessLog: true });
    await fetch(`${registry.url}/healthz`);
    const [first] = await onlyTrace();
    await eventually(() => registry.lines.some(({ message }) => message === "request"));
    const line = registry.lines.find(({ message }) => message === "request");
    expect(line).toMatchObject({ trace_id: first.traceId, span_id: first.spanId });
  });
});
