import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import {
  AggregationTemporality,
  MeterProvider,
  PeriodicExportingMetricReader,
  type MetricProducer,
  type PushMetricExporter,
} from "@opentelemetry/sdk-metrics";
import type { Log } from "../../domain/log.ts";
import { resourceOfRegistry } from "../otlp-resource.ts";
import { createRareWarning } from "../tracing/rare-warning.ts";

/** Where, and how often, metrics are pushed. */
export interface PushOptions {
  readonly url: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly log: Log;
}

/** Metrics on their way, by OTLP. */
export interface Push {
  /** Sends once more what there is, for as long as `msMax`. Never fails. */
  stop(msMax: number): Promise<void>;
}

/**
 * Pushes what `producer` has by OTLP/HTTP with protobuf, every `intervalMs`. Whatever the receiver
 * does, nobody waits for it; of its troubles there is a warning a minute at most.
 */
export function startPush(producer: MetricProducer, options: PushOptions): Push {
  const { url, intervalMs, timeoutMs, log } = options;
  // What waits for a receiver that does not answer is one export, and it ends.
  const inner = new OTLPMetricExporter({ url, timeoutMillis: timeoutMs, concurrencyLimit: 1 });
  const reader = new PeriodicExportingMetricReader({
    exporter: warning(inner, log),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: timeoutMs,
    metricProducers: [producer],
  });
  const provider = new MeterProvider({ resource: resourceOfRegistry(), readers: [reader] });
  return {
    async stop(msMax) {
      const stopped = provider.shutdown().catch(() => {}); // it has been told
      await Promise.race([stopped, Bun.sleep(msMax)]);
    },
  };
}

// --- internal ---

/** An exporter whose failures are told in the log, now and then. */
function warning(inner: PushMetricExporter, log: Log): PushMetricExporter {
  const warn = createRareWarning(log);
  return {
    export(metrics, done) {
      inner.export(metrics, (result) => {
        const { error } = result;
        if (error !== undefined) warn("metrics could not be pushed; trying again", { error });
        done(result);
      });
    },
    forceFlush: async () => await inner.forceFlush(),
    shutdown: async () => await inner.shutdown(),
    selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE,
  };
}
