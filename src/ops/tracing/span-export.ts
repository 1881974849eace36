import {
  context,
  createTraceState,
  diag,
  DiagLogLevel,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type HrTime,
  type Link,
  type TraceState,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { NodeSDK } from "@opentelemetry/sdk-node";
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  type SpanExporter,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace";
import type { Log } from "../../domain/log.ts";
import type { EndedSpan, SpanContext, TakeSpan } from "../../tracing/span.ts";
import manifest from "../../../package.json" with { type: "json" };
import { resourceOfRegistry } from "../otlp-resource.ts";
import { createRareWarning } from "./rare-warning.ts";
import type { SpanCounts } from "./span-counts.ts";
import type { SpanQueue } from "./traces-config.ts";

/** Where, and how, spans are exported. */
export interface SpanExportOptions {
  readonly url: string;
  readonly queue: SpanQueue;
  /** Where it counts what becomes of them. */
  readonly counts: SpanCounts;
  readonly log: Log;
}

/** Spans on their way, by OTLP. */
export interface SpanExport {
  readonly take: TakeSpan;
  /** Sends what waits, for as long as `msMax`. Never fails. */
  stop(msMax: number): Promise<void>;
}

/**
 * Exports spans by OTLP/HTTP with protobuf. Whatever the receiver does, nobody waits for it: what
 * waits is bounded, and of troubles there is a warning a minute at most.
 */
export function startSpanExport(options: SpanExportOptions): SpanExport {
  const { log } = options;
  const warn = createRareWarning(log);
  const ids = createChosenIds();
  const sdk = new NodeSDK({
    resource: resourceOfRegistry(),
    autoDetectResources: false,
    sampler: new AlwaysOnSampler(), // it has been decided
    idGenerator: ids,
    spanProcessors: [createProcessor(options, warn)],
    instrumentations: [],
    textMapPropagator: null,
    // Left out, they would be made by the environment.
    metricReaders: [],
    logRecordProcessors: [],
  });
  // The SDK has set one that writes to standard output, where OTEL_LOG_LEVEL is there.
  diag.setLogger(toDiagLogger(createRareWarning(log)), {
    logLevel: DiagLogLevel.WARN,
    suppressOverrideMessage: true,
  });
  sdk.start();
  /** Of one span every now and then, the SDK would cost several times as much. */
  let ended: EndedSpan[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  const tracer = trace.getTracer(manifest.name, manifest.version);

  function take(span: EndedSpan): void {
    ended.push(span);
    if (ended.length >= madeAtOnce) makeAll();
    else timer ??= setTimeout(makeAll, makeDelayMs).unref();
  }

  function makeAll(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const all = ended;
    ended = [];
    for (const span of all) make(span);
  }

  function make(span: EndedSpan): void {
    const traceState = span.traceState === null ? undefined : createTraceState(span.traceState);
    ids.choose(span);
    const made = tracer.startSpan(
      span.name,
      {
        kind: kinds[span.kind],
        startTime: toHrTime(span.startMs),
        attributes: { ...span.attributes },
        links: span.links.map(toLink),
      },
      toParentContext(span, traceState),
    );
    if (span.error !== null) made.setStatus({ code: SpanStatusCode.ERROR });
    made.end(toHrTime(span.endMs));
  }

  return {
    take,
    async stop(msMax) {
      makeAll();
      const stopped = sdk.shutdown().catch(() => {}); // it has been told
      await Promise.race([stopped, Bun.sleep(msMax)]);
      for (const part of [trace, context, diag]) part.disable();
    },
  };
}

// --- internal ---

const exportMarginMs = 1000;

/** So many spans, or those of so long, become the SDK's at once. */
const madeAtOnce = 64;
const makeDelayMs = 100;

const kinds = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  internal: SpanKind.INTERNAL,
} as const;

/** Gives a span the identity that it has already. */
function createChosenIds() {
  let chosen: SpanContext = { traceId: "", spanId: "" };
  return {
    choose(next: SpanContext): void {
      chosen = next;
    },
    generateTraceId: () => chosen.traceId,
    generateSpanId: () => chosen.spanId,
  };
}

/**
 * A processor in front of OpenTelemetry's, which counts what waits in that one: it drops what is
 * too much by itself, and tells nobody how much.
 */
function createProcessor(
  { url, queue, counts }: SpanExportOptions,
  warn: Log["warn"],
): SpanProcessor {
  let waiting = 0;
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: queue.exportMsMax });
  const counting: SpanExporter = {
    export(spans, done) {
      waiting -= spans.length;
      exporter.export(spans, (result) => {
        const { error } = result;
        if (error === undefined) {
          counts.exported += spans.length;
        } else {
          counts.failed += spans.length;
          const { code } = error as { readonly code?: unknown };
          const status = typeof code === "number" ? code : undefined;
          warn("spans could not be exported, and are lost", { status, error });
        }
        done(result);
      });
    },
    forceFlush: async () => await exporter.forceFlush(),
    shutdown: async () => await exporter.shutdown(),
  };
  const inner = new BatchSpanProcessor({
    exporter: counting,
    maxQueueSize: queue.spansMax,
    maxExportBatchSize: queue.batchSpansMax,
    scheduledDelayMillis: queue.delayMs,
    // The exporter ends in its time by itself, and says how.
    exportTimeoutMillis: queue.exportMsMax + exportMarginMs,
  });
  return {
    onStart() {},
    onEnd(span) {
      if (waiting >= queue.spansMax) {
        counts.dropped += 1;
        return;
      }
      waiting += 1;
      inner.onEnd(span);
    },
    forceFlush: async () => await inner.forceFlush(),
    shutdown: async () => await inner.shutdown(),
  };
}

/**
 * What the SDK has to say. Not all of it: it may quote what is in variables, and so a secret; and
 * of exports that failed the exporter tells.
 */
function toDiagLogger(warn: Log["warn"]) {
  const tell = (message: string): void => {
    const [what = ""] = message.split(/[:'"`{]/);
    const isException = what === "" || what.endsWith("Error");
    if (!isException) warn("OpenTelemetry's SDK has something to say", { what: what.trim() });
  };
  return { error: tell, warn: tell, info() {}, debug() {}, verbose() {} };
}

function toParentContext(
  { traceId, parentSpanId, isParentRemote }: EndedSpan,
  traceState: TraceState | undefined,
): Context {
  if (parentSpanId === null) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId: parentSpanId,
    traceFlags: TraceFlags.SAMPLED,
    isRemote: isParentRemote,
    ...(traceState === undefined ? {} : { traceState }),
  });
}

function toLink({ traceId, spanId }: SpanContext): Link {
  return { context: { traceId, spanId, traceFlags: TraceFlags.SAMPLED } };
}

/** Seconds since 1970, and nanoseconds. */
function toHrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
