import { describe, expect, it } from "bun:test";
import { readOtlpConfig } from "../../src/ops/otlp-config.ts";

interface Pipeline {
  readonly receivers: readonly string[];
  readonly processors: readonly string[];
  readonly exporters: readonly string[];
}

interface Collector {
  readonly receivers: {
    readonly otlp: { readonly protocols: Readonly<Record<string, { readonly endpoint: string }>> };
  };
  readonly processors: Readonly<Record<string, unknown>>;
  readonly exporters: Readonly<Record<string, { readonly endpoint?: string } | null>>;
  readonly service: { readonly pipelines: Readonly<Record<string, Pipeline>> };
}

const read = async (path: string): Promise<string> =>
  await Bun.file(`${import.meta.dir}/../../${path}`).text();

const text = await read("deploy/otel/collector.yaml");
const collector = Bun.YAML.parse(text) as Collector;
const docs = await read("docs/observability.md");

describe("deploy/otel/collector.yaml", () => {
  const { receivers, processors, exporters, service } = collector;

  it("takes what the registry sends: OTLP by HTTP, and no other protocol", () => {
    expect(Object.keys(receivers)).toEqual(["otlp"]);
    expect(Object.keys(receivers.otlp.protocols)).toEqual(["http"]);
    expect(receivers.otlp.protocols["http"]).not.toHaveProperty("traces_url_path");
    expect(receivers.otlp.protocols["http"]).not.toHaveProperty("metrics_url_path");
  });

  it("listens where its own comment and the documents send registries", () => {
    const { endpoint = "" } = receivers.otlp.protocols["http"] ?? {};
    const port = endpoint.split(":").at(-1);
    expect(text).toContain(`OTEL_EXPORTER_OTLP_ENDPOINT=http://THIS-HOST:${port}`);
    const sent = [...docs.matchAll(/OTEL_EXPORTER_OTLP_ENDPOINT=(\S+)/g)];
    expect(sent.length).toBeGreaterThan(0);
    for (const [, url = ""] of sent) {
      const config = readOtlpConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
      expect(config.warnings).toEqual([]);
      expect(config.metricsUrl).toBe(`http://${endpoint}/v1/metrics`);
      expect(config.traces?.url).toBe(`http://${endpoint}/v1/traces`);
    }
    expect(docs).toContain(`takes\nmetrics and traces at port ${port}`);
  });

  it("passes both on by parts that are there, memory limited first and batched last", () => {
    expect(Object.keys(service.pipelines).toSorted()).toEqual(["metrics", "traces"]);
    for (const pipeline of Object.values(service.pipelines)) {
      expect(pipeline.receivers).toEqual(["otlp"]);
      expect(pipeline.processors).toEqual(["memory_limiter", "batch"]);
      expect(Object.keys(processors)).toEqual(expect.arrayContaining([...pipeline.processors]));
      expect(pipeline.exporters.length).toBeGreaterThan(0);
      for (const name of pipeline.exporters) expect(exporters).toHaveProperty([name]);
    }
  });

  it("is open to this machine alone, and passes traces on by the variable that is told", () => {
    const listening = [receivers.otlp.protocols["http"], exporters["prometheus"]];
    for (const part of listening) expect(part?.endpoint).toMatch(/^127\.0\.0\.1:\d+$/);
    const scraped = exporters["prometheus"]?.endpoint?.split(":").at(-1);
    expect(docs).toContain(`Prometheus at port ${scraped}`);
    const [variable = ""] = /OTLP_\w+/.exec(exporters["otlphttp/traces"]?.endpoint ?? "") ?? [];
    expect(docs).toContain(`${variable}=http://tempo:4318`);
    expect(text).toContain(variable);
  });
});
