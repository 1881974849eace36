import { describe, expect, it } from "bun:test";
import { readTracesConfig, type TracesConfig } from "../../../src/ops/tracing/traces-config.ts";

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };

function read(environment: Readonly<Record<string, string>>) {
  const warnings: string[] = [];
  const config = readTracesConfig({ ...endpoint, ...environment }, warnings);
  return { config, warnings };
}

const usual: TracesConfig = {
  url: "http://collector:4318/v1/traces",
  sampler: { isParentBased: true, ratio: 1 },
  continuesTraces: true,
  queue: { spansMax: 2048, batchSpansMax: 512, delayMs: 5000, exportMsMax: 10_000 },
};

describe("where traces are exported", () => {
  it("is nowhere by default", () => {
    expect(readTracesConfig({}, [])).toBeNull();
  });

  it("is below the common endpoint, and at that of traces itself", () => {
    expect(read({})).toEqual({ config: usual, warnings: [] });
    const own = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://own/path" };
    expect(read(own).config?.url).toBe("https://own/path");
  });

  it.each([
    { OTEL_SDK_DISABLED: "true" },
    { OTEL_TRACES_EXPORTER: "none" },
    { OTEL_TRACES_SAMPLER: "always_off" },
    { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" },
    { OTEL_TRACES_SAMPLER: "parentbased_always_off", OTEL_PROPAGATORS: "none" },
  ])("is nowhere with %p", (environment) => {
    expect(read(environment)).toEqual({ config: null, warnings: [] });
  });

  it.each(["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"])(
    "is nowhere, with a warning, where %s is another",
    (name) => {
      const { config, warnings } = read({ [name]: "grpc" });
      expect(config).toBeNull();
      expect(warnings).toEqual([expect.stringMatching(/^traces are not exported: .*"grpc"/)]);
    },
  );

  it("is nowhere, with a warning, where another exporter is wanted", () => {
    const { config, warnings } = read({ OTEL_TRACES_EXPORTER: "console" });
    expect(config).toBeNull();
    expect(warnings).toEqual([
      'traces are not exported: OTEL_TRACES_EXPORTER is "console"; write otlp or none',
    ]);
    expect(read({ OTEL_TRACES_EXPORTER: "console, otlp" })).toEqual({
      config: usual,
      warnings: [],
    });
  });
});

describe("which traces are recorded", () => {
  const arg = { OTEL_TRACES_SAMPLER_ARG: "0.25" };

  it.each([
    ["always_on", false, 1],
    ["traceidratio", false, 0.25],
    ["parentbased_always_on", true, 1],
    ["parentbased_always_off", true, 0],
    ["parentbased_traceidratio", true, 0.25],
  ])("is told by %s", (name, isParentBased, ratio) => {
    const { config, warnings } = read({ OTEL_TRACES_SAMPLER: name, ...arg });
    expect(config?.sampler).toEqual({ isParentBased, ratio });
    expect(warnings).toEqual([]);
  });

  it.each(["jaeger_remote", "constructor", "ALWAYS_OFF"])(
    "is the default, with a warning, for %s",
    (name) => {
      const { config, warnings } = read({ OTEL_TRACES_SAMPLER: name });
      expect(config?.sampler).toEqual(usual.sampler);
      expect(warnings).toEqual([expect.stringContaining(`"${name}" is none of always_on`)]);
    },
  );

  it.each(["", "-0.1", "1.5", "many", "NaN"])("is all of them for a ratio of %p", (text) => {
    const { config, warnings } = read({
      OTEL_TRACES_SAMPLER: "traceidratio",
      OTEL_TRACES_SAMPLER_ARG: text,
    });
    expect(config?.sampler.ratio).toBe(1);
    expect(warnings).toEqual([expect.stringMatching(/^OTEL_TRACES_SAMPLER_ARG: /)]);
  });
});

describe("whether traces of others are continued", () => {
  it.each([
    ["tracecontext", true],
    ["baggage,tracecontext", true],
    ["baggage", false],
    ["none", false],
  ])("is told by OTEL_PROPAGATORS=%s", (text, continuesTraces) => {
    const { config, warnings } = read({ OTEL_PROPAGATORS: text });
    expect(config?.continuesTraces).toBe(continuesTraces);
    expect(warnings).toEqual([]);
  });

  it("warns of what it does not speak", () => {
    const { config, warnings } = read({ OTEL_PROPAGATORS: "b3,tracecontext" });
    expect(config?.continuesTraces).toBe(true);
    expect(warnings).toEqual([expect.stringContaining('"b3" cannot be had')]);
  });
});

describe("how spans wait", () => {
  it("is as OTEL_BSP_… say, an export no larger than the queue", () => {
    const { config, warnings } = read({
      OTEL_BSP_MAX_QUEUE_SIZE: "100",
      OTEL_BSP_SCHEDULE_DELAY: "200",
      OTEL_BSP_EXPORT_TIMEOUT: "300",
    });
    expect(config?.queue).toEqual({
      spansMax: 100,
      batchSpansMax: 100,
      delayMs: 200,
      exportMsMax: 300,
    });
    expect(warnings).toEqual([]);
  });

  it("ends an export by the shortest of its timeouts", () => {
    const common = { OTEL_EXPORTER_OTLP_TIMEOUT: "5000" };
    const own = { OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "6000" };
    const ofQueue = { OTEL_BSP_EXPORT_TIMEOUT: "4000" };
    expect(read(common).config?.queue.exportMsMax).toBe(5000);
    expect(read({ ...common, ...own }).config?.queue.exportMsMax).toBe(6000);
    expect(read({ ...common, ...ofQueue }).config?.queue.exportMsMax).toBe(4000);
  });

  it("is as usual, with a warning, for what is no number above 0", () => {
    const { config, warnings } = read({ OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "-1" });
    expect(config?.queue).toEqual(usual.queue);
    expect(warnings).toEqual([
      'OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "-1" is no number of spans; it is 512',
    ]);
  });
});
