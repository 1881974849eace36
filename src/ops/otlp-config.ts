import { toQuoted } from "./printable.ts";
import type { Environment } from "./settings.ts";

/**
 * Where metrics are pushed to, by OpenTelemetry's own variables. Headers, compression, certificates
 * and the resource are read by its SDK, from the same environment.
 */
export interface OtlpConfig {
  /** null: metrics are not pushed. */
  readonly metricsUrl: string | null;
  readonly intervalMs: number;
  /** How long one export may take. */
  readonly timeoutMs: number;
  /** What was asked for and cannot be had: OpenTelemetry wants that told, and no reason to stop. */
  readonly warnings: readonly string[];
}

/** Reads OpenTelemetry's variables; empty means unset. */
export function readOtlpConfig(environment: Environment): OtlpConfig {
  const warnings: string[] = [];
  const intervalMs = readMs(environment, ["OTEL_METRIC_EXPORT_INTERVAL", 60_000], warnings);
  const timeoutMs = readMs(environment, ["OTEL_METRIC_EXPORT_TIMEOUT", 30_000], warnings);
  return {
    metricsUrl: readUrl(environment, warnings),
    intervalMs,
    timeoutMs: Math.min(timeoutMs, intervalMs),
    warnings,
  };
}

// --- internal ---

const endpointName = "OTEL_EXPORTER_OTLP_ENDPOINT";
const msMax = 2 ** 31 - 1; // what a timer takes

function readUrl(environment: Environment, warnings: string[]): string | null {
  const own = environment["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"] || null;
  const text = own ?? (environment[endpointName] || null);
  if (text === null || isOff(environment)) return null;
  const protocol = protocolOf(environment);
  if (protocol !== "http/protobuf") {
    warnings.push(
      `metrics are not pushed: OTEL_EXPORTER_OTLP_PROTOCOL is ${toQuoted(protocol)}, and the ` +
        "registry speaks http/protobuf alone; change it, and the endpoint's port",
    );
    return null;
  }
  const url = URL.parse(text.trim());
  if (url === null || !/^https?:$/.test(url.protocol)) {
    const name = own === null ? endpointName : "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
    // Not what it is: a URL may hold a password.
    warnings.push(`metrics are not pushed: ${name} is no URL; write http://host:4318`);
    return null;
  }
  // The endpoint of one signal is taken as it is, the common one is a base.
  return own === null ? `${url.href.replace(/\/$/, "")}/v1/metrics` : url.href;
}

function isOff(environment: Environment): boolean {
  return (
    environment["OTEL_SDK_DISABLED"]?.trim().toLowerCase() === "true" ||
    environment["OTEL_METRICS_EXPORTER"]?.trim() === "none"
  );
}

function protocolOf(environment: Environment): string {
  return (
    environment["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"] ||
    environment["OTEL_EXPORTER_OTLP_PROTOCOL"] ||
    "http/protobuf"
  );
}

function readMs(
  environment: Environment,
  [name, usual]: readonly [string, number],
  warnings: string[],
): number {
  const text = environment[name]?.trim() || null;
  if (text === null) return usual;
  const ms = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (ms > 0 && ms <= msMax) return ms;
  warnings.push(`${name}: ${toQuoted(text)} is no number of ms; it is ${usual}`);
  return usual;
}
