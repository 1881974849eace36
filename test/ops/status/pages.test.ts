import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { limits } from "../../../src/domain/limits.ts";
import { createLog } from "../../../src/ops/log.ts";
import { openMetrics, type Metrics } from "../../../src/ops/metrics/metrics.ts";
import type { Snapshot } from "../../../src/ops/status/snapshot.ts";
import { parseExposition } from "../../support/exposition.ts";
import { uploaderBody } from "../../support/form.ts";
import { freePort } from "../../support/ports.ts";
import { rawRequest } from "../../support/raw-http.ts";
import { eventually, startRegistry, type TestRegistry } from "../../support/registry.ts";

const silent = createLog({ level: "error", format: "json", write: () => {} });
const cacheBytesMax = 1024 ** 2;
const stopping = { status: "unavailable", detail: "stopping", ageMs: 0 } as const;

describe("the pages of the status", () => {
  let registry: TestRegistry;
  let metrics: Metrics;
  let port: number;

  beforeAll(async () => {
    registry = await startRegistry({ cacheBytesMax });
    port = await freePort();
    metrics = openMetrics(
      {
        metrics: { host: "127.0.0.1", port, portIsDefault: false },
        otlp: { metricsUrl: null, intervalMs: 100, timeoutMs: 100, traces: null, warnings: [] },
        cacheBytesMax,
        database: { kind: "sqlite", directory: "", timeoutMs: 1 },
      },
      silent,
    );
    const { app, pendingRequests } = registry;
    metrics.begin({ app, pendingRequests, checks: async () => ({ lifecycle: stopping }) });
    await use(registry);
  });
  afterAll(async () => {
    await metrics.stop();
    await registry.stop();
  });

  const ask = async (path: string): Promise<Response> => await fetch(`${metrics.url}${path}`);

  async function snapshotOf(query = ""): Promise<Snapshot> {
    return (await (await ask(`/status/data${query}`)).json()) as Snapshot;
  }

  it("are a page, its script, its styles and its data, each of its type", async () => {
    const types = {
      "/status": "text/html; charset=utf-8",
      "/status/data": "application/json",
      "/status/status.js": "text/javascript; charset=utf-8",
      "/status/status.css": "text/css; charset=utf-8",
      "/status/uplot.js": "text/javascript; charset=utf-8",
      "/status/uplot.css": "text/css; charset=utf-8",
    };
    for (const [path, type] of Object.entries(types)) {
      const { status, headers } = await ask(path);
      expect([path, status, headers.get("content-type")]).toEqual([path, 200, type]);
    }
    const page = await (await ask("/status")).text();
    const named = Array.from(page.matchAll(/(?:src|href)="(\/[^"]*)"/g), ([, path]) => path);
    const needed = Object.keys(types).filter((path) => /\.(?:js|css)$/.test(path));
    expect(new Set(named)).toEqual(new Set(needed));
  });

  it("are for no page but their own", async () => {
    for (const path of ["/status", "/status/data", "/metrics", "/nothing"]) {
      const { headers } = await ask(path);
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy).toStartWith("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain("unsafe");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
      expect(headers.get("access-control-allow-origin")).toBeNull();
      const rebound = { Host: "evil.example", "Accept-Language": "en" };
      const head = Object.entries(rebound).map(([name, value]) => `${name}: ${value}\r\n`);
      const answer = await rawRequest(port, `GET ${path} HTTP/1.1\r\n${head.join("")}\r\n`);
      expect(answer).toMatchObject({ status: 421 });
    }
  });

  it("tell what /metrics tells", async () => {
    const { totals, refusals, about } = await snapshotOf();
    const exposed = parseExposition(await (await ask("/metrics")).text());
    const sumOf = (name: string, where = ""): number =>
      [...(exposed.get(name)?.samples ?? [])]
        .filter(([id]) => !id.includes("_bucket{") && !id.includes("_sum") && id.includes(where))
        .reduce((sum, [, value]) => sum + value, 0);
    expect(totals).toEqual({
      "answers-2xx": sumOf("http_server_request_duration_seconds", 'status_code="2'),
      "answers-3xx": 0,
      "answers-4xx": sumOf("http_server_request_duration_seconds", 'status_code="4'),
      "answers-5xx": 0,
      stored: sumOf("registry_blobs_stored_total"),
      deduplicated: sumOf("registry_blobs_deduplicated_total"),
      received: sumOf("registry_blobs_received_bytes_total"),
      sent: sumOf("registry_blobs_sent_bytes_total"),
      "cache-hits": sumOf("registry_cache_hits_total"),
      "cache-misses": sumOf("registry_cache_misses_total"),
      "cache-evictions": 0,
      "cache-entries": 1,
      swept: 0,
      corrupt: 0,
      repaired: 0,
    });
    expect(totals).toMatchObject({ "answers-2xx": 4, "answers-4xx": 1, stored: 1, sent: 2000 });
    expect(refusals).toEqual([{ code: "invalid_key_length", recent: 1, total: 1 }]);
    expect(about).toMatchObject({ store: "sqlite", bun: Bun.version });
  });

  it("know every figure of something that was used", async () => {
    let known: string[] = [];
    let names: string[] = [];
    await eventually(async () => {
      const { figures } = await snapshotOf();
      names = Object.keys(figures);
      known = names.filter((name) => figures[name]?.some((value) => value !== null));
      return known.includes("database-size"); // the database is asked a little later
    });
    expect(names.filter((name) => !known.includes(name))).toEqual([]);
  });

  it("give only samples that are newer than those that were seen", async () => {
    const { times, periodMs, windowMs } = await snapshotOf();
    expect([periodMs, windowMs]).toEqual([limits.statusSampleMs, 900_000]);
    const newest = times.at(-1) ?? 0;
    expect(newest).toBeGreaterThan(Date.now() - 60_000);
    await eventually(async () => (await snapshotOf(`?since=${newest}`)).times.length > 0);
    const { times: later, figures } = await snapshotOf(`?since=${newest}`);
    expect(later.every((timeMs) => timeMs > newest)).toBe(true);
    expect(figures["memory"]).toHaveLength(later.length);
    for (const since of ["", "?since=", "?since=x", `?since=${newest + 1e9}`]) {
      expect((await snapshotOf(since)).times).toContain(newest);
    }
  });

  it("say that the registry is stopping", async () => {
    const { checks } = await snapshotOf();
    expect(checks).toEqual([{ name: "lifecycle", status: "unavailable", detail: "stopping" }]);
    expect(await (await ask("/status")).text()).toContain("Not ready: lifecycle: stopping");
  });
});

/** Does a bit of everything, and lets it be seen together. */
async function use(registry: TestRegistry): Promise<void> {
  const { contentType, body } = uploaderBody(new Uint8Array(1000));
  const post = async () =>
    await fetch(registry.api, { method: "POST", body, headers: { "Content-Type": contentType } });
  const { hash } = (await (await post()).json()) as { readonly hash: string };
  await post();
  await fetch(`${registry.api}/${hash}`);
  await fetch(`${registry.api}/${hash}`);
  await fetch(`${registry.api}/short`);
}
