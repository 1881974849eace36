import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { openMetrics, type Metrics } from "../../../src/ops/metrics/metrics.ts";
import { createLog } from "../../../src/ops/log.ts";
import { createReadiness } from "../../../src/ops/readiness.ts";
import { parseExposition, type Exposed } from "../../support/exposition.ts";
import { uploaderBody } from "../../support/form.ts";
import { startOtlpReceiver, type OtlpReceiver } from "../../support/otlp-receiver.ts";
import { rawRequest } from "../../support/raw-http.ts";
import { eventually, stores, type TestRegistry } from "../../support/registry.ts";
import { freePort } from "../../support/ports.ts";

const silent = createLog({ level: "error", format: "json", write: () => {} });
const page = await Bun.file(`${import.meta.dir}/../../../docs/observability.md`).text();
const cacheBytesMax = 1024 ** 2;
const data = new TextEncoder().encode("metrics");

/** Rows of the page's table, by Prometheus' name. */
const told = new Map(
  Array.from(page.matchAll(/^\| `([a-z_.]+)` +\| `([a-z_]+)` +\|(.*)\|$/gm), (match) => {
    const [, otel = "", name = "", rest = ""] = match;
    const [type = "", unit = "", labels = ""] = rest.split("|").map((cell) => cell.trim());
    const names = Array.from(labels.matchAll(/`([a-z_]+)`/g), ([, label = ""]) => label);
    return [name, { otel, type, unit: unit.replaceAll("`", ""), labels: names.toSorted() }];
  }),
);

for (const [store, start] of stores) {
  describe(`the metrics of a registry on ${store}`, () => {
    let registry: TestRegistry;
    let receiver: OtlpReceiver;
    let metrics: Metrics;
    beforeAll(async () => {
      registry = await start({ cacheBytesMax });
      receiver = startOtlpReceiver();
      metrics = openMetrics(
        {
          metrics: { host: "127.0.0.1", port: await freePort(), portIsDefault: false },
          otlp: {
            metricsUrl: `${receiver.url}/v1/metrics`,
            intervalMs: 100,
            timeoutMs: 100,
            traces: null,
            warnings: [],
          },
          cacheBytesMax,
          database: { kind: "sqlite", directory: "", timeoutMs: 1 },
        },
        silent,
      );
      const { app, pendingRequests } = registry;
      const checks = createReadiness({ phase: () => "serving", probe: async () => {} });
      const certificateValidToMs = (): number => 4_102_444_800_000;
      metrics.begin({ app, checks, pendingRequests, certificateValidToMs });
      await use(registry);
    });
    afterAll(async () => {
      await metrics.stop();
      await registry.stop();
      await receiver.stop();
    });

    async function scrape(): Promise<Map<string, Exposed>> {
      const response = await fetch(`${metrics.url}/metrics`);
      expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
      return parseExposition(await response.text());
    }

    async function valueOf(name: string, labels = ""): Promise<number | undefined> {
      return (await scrape()).get(name)?.samples.get(`${name}${labels}`);
    }

    it("are those that docs/observability.md tells, with their types and labels", async () => {
      // What has not been counted yet has no blobs: PostgreSQL's own estimate comes later.
      await eventually(async () => (await scrape()).has("registry_database_size_bytes"));
      const shown = [...(await scrape())].map(([name, { type, labels }]) => [
        name,
        { type, labels: [...labels].toSorted() },
      ]);
      const isShown = ([name]: [string, unknown]): boolean =>
        store === "SQLite" || name !== "registry_database_blobs";
      const expected = [...told]
        .filter(isShown)
        .map(([name, { type, labels }]) => [name, { type, labels }] as const);
      expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(expected));
    });

    it("count what was done", async () => {
      const get = 'http_request_method="GET",http_response_status_code="200"';
      const blob = `{${get},http_route="/api/v1/metadata/{hash}",url_scheme="http"}`;
      expect(await valueOf("registry_blobs_stored_total")).toBe(1);
      expect(await valueOf("registry_blobs_deduplicated_total")).toBe(1);
      expect(await valueOf("registry_blobs_received_bytes_total")).toBe(2 * data.length);
      expect(await valueOf("registry_blobs_sent_bytes_total")).toBe(2 * data.length);
      expect(await valueOf("registry_cache_hits_total")).toBe(1);
      expect(await valueOf("registry_cache_misses_total")).toBe(1);
      expect(await valueOf("registry_cache_entries")).toBe(1);
      expect(await valueOf("registry_cache_limit_bytes")).toBe(cacheBytesMax);
      expect(await valueOf("registry_refusals_total", '{code="invalid_key_length"}')).toBe(1);
      const { samples } = (await scrape()).get("http_server_request_duration_seconds") ?? {};
      expect(samples?.get(`http_server_request_duration_seconds_count${blob}`)).toBe(2);
    });

    it("have full buckets: each holds those below it, the last all", async () => {
      for (const [name, { type, samples }] of await scrape()) {
        if (type !== "histogram") continue;
        for (const [id, count] of samples) {
          if (!id.startsWith(`${name}_count`)) continue;
          const labels = id.slice(`${name}_count`.length).replace(/^\{|\}$/g, "");
          const opening = `${name}_bucket{${labels}${labels === "" ? "" : ","}le=`;
          const buckets = [...samples].filter(([bucket]) => bucket.startsWith(opening));
          const counts = buckets.map(([, value]) => value);
          expect(counts).toEqual(counts.toSorted((a, b) => a - b));
          expect(buckets.at(-1)).toEqual([`${opening}"+Inf"}`, count]);
        }
      }
    });

    it("have no more series after a flood of strange requests than their kinds", async () => {
      const count = async (): Promise<number> =>
        (await scrape()).get("http_server_request_duration_seconds")?.samples.size ?? 0;
      const ask = async (n: number): Promise<void> => {
        const method = ["PROPFIND", "MKCOL", "TRACE", "DELETE", "LOCK"][n % 5];
        await rawRequest(registry.port, `${method} /${n} HTTP/1.1\r\nHost: r\r\n\r\n`);
        await fetch(`${registry.api}/${n}?${n}`);
      };
      for (let n = 0; n < 5; n += 1) await ask(n);
      const before = await count();
      for (let n = 5; n < 300; n += 1) await ask(n);
      expect(await count()).toBe(before);
    });

    it("arrive by OTLP as they are scraped", async () => {
      const { exports } = receiver;
      const seen = exports.length;
      await eventually(() => exports.length > seen + 1);
      const latest = exports.at(-1);
      expect(latest?.path).toBe("/v1/metrics");
      const names = latest?.metrics.filter(({ points }) => points.length > 0);
      expect(new Set(names?.map(({ name, unit }) => `${name} ${unit}`))).toEqual(
        new Set(
          [...told.values()]
            .filter(({ otel }) => store === "SQLite" || otel !== "registry.database.blobs")
            .map(({ otel, unit }) => `${otel} ${unit}`),
        ),
      );
      const stored = latest?.metrics.find(({ name }) => name === "registry.blobs.stored");
      expect(stored).toMatchObject({ kind: "sum", isMonotonic: true, points: [{ value: 1 }] });
      const gets = latest?.metrics.find(({ name }) => name === "http.server.request.duration");
      expect(gets?.points).toContainEqual({
        attributes: {
          "http.request.method": "GET",
          "http.response.status_code": 200,
          "http.route": "/api/v1/metadata/{hash}",
          "url.scheme": "http",
        },
        value: { count: 2, sum: expect.any(Number) },
      });
    });
  });
}

/** Does a bit of everything. */
async function use(registry: TestRegistry): Promise<void> {
  const { contentType, body } = uploaderBody(data);
  const post = async () =>
    await fetch(registry.api, { method: "POST", body, headers: { "Content-Type": contentType } });
  const { hash } = (await (await post()).json()) as { readonly hash: string };
  await post();
  await fetch(`${registry.api}/${hash}`);
  await fetch(`${registry.api}/${hash}`);
  await fetch(`${registry.api}/short`);
  registry.app.measures.meter.answered(new Request(registry.api), 500, 1);
  await registry.app.measures.database.query("read", "SELECT nothing").catch(() => {});
}
