import { toQuoted } from "./printable.ts";
import type { Environment } from "./settings.ts";

/** What is sent by OTLP, as OpenTelemetry's variables name it. */
interface Signal {
  /** In the names of variables. */
  readonly name: "METRICS" | "TRACES";
  /** Below the common endpoint. */
  readonly path: string;
  /** What does not happen, when there is a warning. */
  readonly without: string;
}

export const metricsSignal: Signal = {
  name: "METRICS",
  path: "/v1/metrics",
  without: "metrics are not pushed",
};

export const tracesSignal: Signal = {
  name: "TRACES",
  path: "/v1/traces",
  without: "traces are not exported",
};

/** A text, without the blanks around it; null where there is none: empty means unset. */
export function readText(environment: Environment, name: string): string | null {
  return environment[name]?.trim() || null;
}

/** Whether OpenTelemetry is to do nothing at all. */
export function isDisabled(environment: Environment): boolean {
  return readText(environment, "OTEL_SDK_DISABLED")?.toLowerCase() === "true";
}

/** Where a signal is sent to; null: nowhere, which `warnings` tell if it was asked for in vain. */
export function readSignalUrl(
  environment: Environment,
  { name, path, without }: Signal,
  warnings: string[],
): string | null {
  const ownName = `OTEL_EXPORTER_OTLP_${name}_ENDPOINT`;
  const own = readText(environment, ownName);
  const text = own ?? readText(environment, commonName);
  if (text === null) return null;
  const protocol =
    readText(environment, `OTEL_EXPORTER_OTLP_${name}_PROTOCOL`) ??
    readText(environment, "OTEL_EXPORTER_OTLP_PROTOCOL") ??
    "http/protobuf";
  if (protocol !== "http/protobuf") {
    warnings.push(
      `${without}: OTEL_EXPORTER_OTLP_PROTOCOL is ${toQuoted(protocol)}, and the ` +
        "registry speaks http/protobuf alone; change it, and the endpoint's port",
    );
    return null;
  }
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    // Not what it is: a URL may hold a password.
    const variable = own === null ? commonName : ownName;
    warnings.push(`${without}: ${variable} is no URL; write http://host:4318`);
    return null;
  }
  // The endpoint of one signal is taken as it is, the common one is a base.
  return own === null ? `${url.href.replace(/\/$/, "")}${path}` : url.href;
}

/** A number above 0: of ms, unless `what` says otherwise. */
export function readCount(
  environment: Environment,
  { name, usual, what = "number of ms" }: CountVariable,
  warnings: string[],
): number {
  const text = readText(environment, name);
  if (text === null) return usual;
  const count = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (count > 0 && count <= countMax) return count;
  warnings.push(`${name}: ${toQuoted(text)} is no ${what}; it is ${usual}`);
  return usual;
}

// --- internal ---

interface CountVariable {
  readonly name: string;
  readonly usual: number;
  readonly what?: string;
}

const commonName = "OTEL_EXPORTER_OTLP_ENDPOINT";
const countMax = 2 ** 31 - 1; // what a timer takes
