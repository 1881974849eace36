import { isDisabled, metricsSignal, readCount, readSignalUrl, readText } from "./otlp-variables.ts";
import { toQuoted } from "./printable.ts";
import type { Environment } from "./settings.ts";
import { readTracesConfig, type TracesConfig } from "./tracing/traces-config.ts";

/**
 * Where metrics are pushed and traces exported to, by OpenTelemetry's own variables. Headers,
 * compression, certificates and the resource are read by its SDK, from the same environment.
 */
export interface OtlpConfig {
  /** null: metrics are not pushed. */
  readonly metricsUrl: string | null;
  readonly intervalMs: number;
  /** How long one export may take. */
  readonly timeoutMs: number;
  /** null: nothing is traced. */
  readonly traces: TracesConfig | null;
  /** What was asked for and cannot be had: OpenTelemetry wants that told, and no reason to stop. */
  readonly warnings: readonly string[];
}

/** Reads OpenTelemetry's variables; empty means unset. */
export function readOtlpConfig(environment: Environment): OtlpConfig {
  const warnings: string[] = [];
  const read = (name: string, usual: number): number =>
    readCount(environment, { name, usual }, warnings);
  const intervalMs = read("OTEL_METRIC_EXPORT_INTERVAL", 60_000);
  const timeoutMs = read("OTEL_METRIC_EXPORT_TIMEOUT", 30_000);
  return {
    metricsUrl: readMetricsUrl(environment, warnings),
    intervalMs,
    timeoutMs: Math.min(timeoutMs, intervalMs),
    traces: readTracesConfig(environment, warnings),
    warnings,
  };
}

// --- internal ---

const temporalityName = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";

function readMetricsUrl(environment: Environment, warnings: string[]): string | null {
  if (isDisabled(environment) || readText(environment, "OTEL_METRICS_EXPORTER") === "none") {
    return null;
  }
  const url = readSignalUrl(environment, metricsSignal, warnings);
  const temporality = readText(environment, temporalityName);
  if (url !== null && temporality !== null && temporality.toLowerCase() !== "cumulative") {
    warnings.push(
      `${temporalityName}: ${toQuoted(temporality)} cannot be had; values are cumulative all the ` +
        "same, which a collector can change (cumulativetodelta)",
    );
  }
  return url;
}
