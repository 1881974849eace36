import { describe, expect, it } from "bun:test";
import { readOtlpConfig } from "../../src/ops/otlp-config.ts";

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };
const withoutTraces = { ...endpoint, OTEL_TRACES_EXPORTER: "none" };

describe("where metrics are pushed", () => {
  it("is nowhere by default", () => {
    expect(readOtlpConfig({})).toEqual({
      metricsUrl: null,
      intervalMs: 60_000,
      timeoutMs: 30_000,
      traces: null,
      warnings: [],
    });
    expect(readOtlpConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: "" }).metricsUrl).toBeNull();
  });

  it("is below the common endpoint, and at that of metrics itself", () => {
    const own = { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://own:4318/some/path" };
    expect(readOtlpConfig(endpoint).metricsUrl).toBe("http://collector:4318/v1/metrics");
    const slash = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/base/" };
    expect(readOtlpConfig(slash).metricsUrl).toBe("http://collector:4318/base/v1/metrics");
    expect(readOtlpConfig(own).metricsUrl).toBe("http://own:4318/some/path");
    expect(readOtlpConfig({ ...endpoint, ...own }).metricsUrl).toBe("http://own:4318/some/path");
  });

  it.each([{ OTEL_SDK_DISABLED: "True" }, { OTEL_METRICS_EXPORTER: "none" }])(
    "is nowhere with %p",
    (off) => {
      expect(readOtlpConfig({ ...endpoint, ...off })).toMatchObject({
        metricsUrl: null,
        warnings: [],
      });
    },
  );

  it("is nowhere, with a warning, where another protocol is wanted", () => {
    for (const name of ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"]) {
      const { metricsUrl, warnings } = readOtlpConfig({ ...withoutTraces, [name]: "grpc" });
      expect(metricsUrl).toBeNull();
      expect(warnings).toEqual([expect.stringMatching(/^metrics are not pushed: .*"grpc"/)]);
    }
  });

  it("is nowhere, with a warning that shows no secret, where it is no URL", () => {
    for (const url of ["user:geheim@collector", "ftp://user:geheim@x"]) {
      const { metricsUrl, traces, warnings } = readOtlpConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
      expect(metricsUrl).toBeNull();
      expect(traces).toBeNull();
      expect(warnings).toEqual([
        "metrics are not pushed: OTEL_EXPORTER_OTLP_ENDPOINT is no URL; write http://host:4318",
        "traces are not exported: OTEL_EXPORTER_OTLP_ENDPOINT is no URL; write http://host:4318",
      ]);
    }
  });
});

describe("values", () => {
  const name = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";

  it("are cumulative, with a warning where they are to be otherwise", () => {
    expect(readOtlpConfig({ ...endpoint, [name]: "Cumulative" }).warnings).toEqual([]);
    expect(readOtlpConfig({ [name]: "delta" }).warnings).toEqual([]); // nothing is pushed
    const { metricsUrl, warnings } = readOtlpConfig({ ...endpoint, [name]: "delta" });
    expect(metricsUrl).not.toBeNull();
    expect(warnings).toEqual([expect.stringContaining(`${name}: "delta" cannot be had`)]);
  });
});

describe("traces", () => {
  it("have their own place and their own switch", () => {
    const own = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://own:4318/v1/traces" };
    expect(readOtlpConfig(own)).toMatchObject({
      metricsUrl: null,
      traces: { url: "http://own:4318/v1/traces" },
    });
    expect(readOtlpConfig(withoutTraces)).toMatchObject({
      metricsUrl: "http://collector:4318/v1/metrics",
      traces: null,
    });
  });
});

describe("how often", () => {
  it("is as asked for, and one export ends before the next", () => {
    const asked = { OTEL_METRIC_EXPORT_INTERVAL: "5000", OTEL_METRIC_EXPORT_TIMEOUT: "7000" };
    expect(readOtlpConfig(asked)).toMatchObject({ intervalMs: 5000, timeoutMs: 5000 });
  });

  it.each(["0", "-1", "10s", "1e3", "99999999999"])("is the default for %s", (text) => {
    const { intervalMs, warnings } = readOtlpConfig({ OTEL_METRIC_EXPORT_INTERVAL: text });
    expect(intervalMs).toBe(60_000);
    expect(warnings).toEqual([
      `OTEL_METRIC_EXPORT_INTERVAL: "${text}" is no number of ms; it is 60000`,
    ]);
  });
});
