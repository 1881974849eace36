import type { SamplerOptions } from "../../tracing/sampler.ts";
import { isDisabled, readCount, readSignalUrl, readText, tracesSignal } from "../otlp-variables.ts";
import { toQuoted } from "../printable.ts";
import type { Environment } from "../settings.ts";

/** What is traced, and where spans are exported to. */
export interface TracesConfig {
  readonly url: string;
  readonly sampler: SamplerOptions;
  /** Whether the `traceparent` of a request is believed. */
  readonly continuesTraces: boolean;
  /** Spans that wait to be exported. */
  readonly queue: SpanQueue;
}

/** How spans wait to be exported: the variables OTEL_BSP_…, and the exporter's timeout. */
export interface SpanQueue {
  /** What comes beyond is dropped. */
  readonly spansMax: number;
  /** In one export. */
  readonly batchSpansMax: number;
  /** How long a span waits for others. */
  readonly delayMs: number;
  /** How long one export may take, its repetitions included. */
  readonly exportMsMax: number;
}

/** Reads OpenTelemetry's variables for traces; null: nothing is traced. */
export function readTracesConfig(
  environment: Environment,
  warnings: string[],
): TracesConfig | null {
  if (isDisabled(environment) || readText(environment, exporterName) === "none") return null;
  const url = readSignalUrl(environment, tracesSignal, warnings);
  if (url === null) return null;
  if (!exportsByOtlp(environment, warnings)) return null;
  const sampler = readSampler(environment, warnings);
  const continuesTraces = readPropagation(environment, warnings);
  const queue = readQueue(environment, warnings);
  const isOff = sampler.ratio === 0 && !(sampler.isParentBased && continuesTraces);
  return isOff ? null : { url, sampler, continuesTraces, queue };
}

// --- internal ---

const exporterName = "OTEL_TRACES_EXPORTER";
const samplerName = "OTEL_TRACES_SAMPLER";
const ratioName = "OTEL_TRACES_SAMPLER_ARG";
const propagatorsName = "OTEL_PROPAGATORS";

/** What each sampler is; a ratio of null is asked for. */
const samplers: Readonly<Record<string, { isParentBased: boolean; ratio: number | null }>> = {
  always_on: { isParentBased: false, ratio: 1 },
  always_off: { isParentBased: false, ratio: 0 },
  traceidratio: { isParentBased: false, ratio: null },
  parentbased_always_on: { isParentBased: true, ratio: 1 },
  parentbased_always_off: { isParentBased: true, ratio: 0 },
  parentbased_traceidratio: { isParentBased: true, ratio: null },
};

function exportsByOtlp(environment: Environment, warnings: string[]): boolean {
  const exporters = readList(environment, exporterName);
  if (exporters.length === 0 || exporters.includes("otlp")) return true;
  const text = toQuoted(exporters.join(","));
  warnings.push(`traces are not exported: ${exporterName} is ${text}; write otlp or none`);
  return false;
}

function readSampler(environment: Environment, warnings: string[]): SamplerOptions {
  const usual = "parentbased_always_on";
  const name = readText(environment, samplerName) ?? usual;
  const found = Object.hasOwn(samplers, name) ? samplers[name] : undefined;
  if (found === undefined) {
    const known = Object.keys(samplers).join(", ");
    warnings.push(`${samplerName}: ${toQuoted(name)} is none of ${known}; it is ${usual}`);
    return { isParentBased: true, ratio: 1 };
  }
  return { ...found, ratio: found.ratio ?? readRatio(environment, warnings) };
}

function readRatio(environment: Environment, warnings: string[]): number {
  const text = readText(environment, ratioName);
  const ratio = text === null ? Number.NaN : Number(text);
  if (ratio >= 0 && ratio <= 1) return ratio;
  const told = text === null ? "it is not there" : `${toQuoted(text)} is no number from 0 to 1`;
  warnings.push(`${ratioName}: ${told}; every trace is recorded`);
  return 1;
}

function readPropagation(environment: Environment, warnings: string[]): boolean {
  const names = readList(environment, propagatorsName);
  const strange = names.filter((name) => !/^(?:tracecontext|baggage|none)$/.test(name));
  if (strange.length > 0) {
    const text = toQuoted(strange.join(","));
    warnings.push(`${propagatorsName}: ${text} cannot be had; write tracecontext or none`);
  }
  return names.length === 0 || names.includes("tracecontext");
}

function readQueue(environment: Environment, warnings: string[]): SpanQueue {
  const what = "number of spans";
  const read = (name: string, usual: number): number =>
    readCount(environment, { name, usual }, warnings);
  const spansMax = readCount(
    environment,
    { name: "OTEL_BSP_MAX_QUEUE_SIZE", usual: 2048, what },
    warnings,
  );
  const batchSpansMax = readCount(
    environment,
    { name: "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", usual: 512, what },
    warnings,
  );
  const commonMs = read("OTEL_EXPORTER_OTLP_TIMEOUT", 10_000);
  const timeoutMs = read("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", commonMs);
  return {
    spansMax,
    batchSpansMax: Math.min(batchSpansMax, spansMax),
    delayMs: read("OTEL_BSP_SCHEDULE_DELAY", 5000),
    exportMsMax: Math.min(read("OTEL_BSP_EXPORT_TIMEOUT", 30_000), timeoutMs),
  };
}

function readList(environment: Environment, name: string): readonly string[] {
  const names = (readText(environment, name) ?? "").split(",").map((text) => text.trim());
  return names.filter((text) => text !== "");
}
