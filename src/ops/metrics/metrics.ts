import type { MetricProducer } from "@opentelemetry/sdk-metrics";
import { limits } from "../../domain/limits.ts";
import type { Log } from "../../domain/log.ts";
import type { ReadinessChecks } from "../../http/routes/health.ts";
import type { App } from "../app.ts";
import type { Config } from "../config.ts";
import { statusPages } from "../status/pages.ts";
import { startSampler } from "../status/sampler.ts";
import type { SnapshotSources } from "../status/snapshot-source.ts";
import { brakeMetrics } from "./brake-metrics.ts";
import { databaseMetrics } from "./database-metrics.ts";
import { watchEventLoop, type LoopWatch } from "./event-loop.ts";
import type { Metric } from "./metric.ts";
import { processMetrics } from "./process-metrics.ts";
import type { Push, PushOptions } from "./push.ts";
import { requestMetrics } from "./request-metrics.ts";
import { openScrapePort, type Pages } from "./scrape.ts";
import { createSpanCounts, type SpanCounts } from "../tracing/span-counts.ts";
import { spanMetrics } from "./span-metrics.ts";
import { storeMetrics } from "./store-metrics.ts";
import { tlsMetrics } from "./tls-metrics.ts";

/** What metrics are read from. */
interface MetricsSources {
  readonly app: Pick<App, "counters" | "hashing" | "measures">;
  readonly checks: ReadinessChecks;
  readonly pendingRequests: () => number;
  /** Of the server's URL; left out: http. */
  readonly scheme?: string;
  /** When the certificate that is served expires, in ms since 1970; null, or left out: none is. */
  readonly certificateValidToMs?: (() => number) | null;
  /** What became of spans; left out: there were none. */
  readonly spans?: SpanCounts;
}

/** The metrics of a registry, on their ways out. */
export interface Metrics {
  /** Where they are scraped; null: nowhere. */
  readonly url: string | null;
  /** Begins to tell them. What is loaded for it is loaded when it is needed first. */
  begin(sources: MetricsSources): void;
  /** Pushes once more what there is, within a bound, and ends. Never fails. */
  stop(): Promise<void>;
}

/**
 * Binds the port for metrics, where there is to be one.
 * @throws StartError when a port that was asked for cannot be had
 */
export function openMetrics(config: MetricsConfig, log: Log): Metrics {
  const { metrics, otlp } = config;
  const port = openScrapePort({ ...metrics, log });
  let end: (() => Promise<unknown>) | null = null;

  function begin(sources: MetricsSources): void {
    for (const warning of otlp.warnings) log.warn(warning);
    const { metricsUrl: url } = otlp;
    if (port === null && url === null) return;
    const loop = watchEventLoop();
    sources.app.measures.size.begin();
    const read = createReading(config, sources, loop);
    const load = createLoading(read);
    const sampler = port === null ? null : startSampler(read);
    if (sampler !== null) port?.serve(pagesOf(load, { sampler, checks: sources.checks }));
    const stopPush = url === null ? null : pushLater({ ...otlp, url, log }, load);
    end = async () => {
      loop.stop();
      sampler?.stop();
      await stopPush?.();
    };
  }

  return {
    url: port?.url ?? null,
    begin,
    async stop() {
      await Promise.race([end?.(), Bun.sleep(limits.metricsStopMsMax)]);
      await port?.stop();
    },
  };
}

// --- internal ---

type MetricsConfig = Pick<Config, "metrics" | "otlp" | "cacheBytesMax" | "database">;

/** Gives the one producer; the SDK is loaded for whoever asks first. */
type Loading = () => Promise<MetricProducer>;

/** Loading the SDK holds up what comes meanwhile: not the first requests. */
const pushDelayMs = 1000;

function createReading(
  { cacheBytesMax, database }: MetricsConfig,
  {
    app,
    pendingRequests,
    scheme = "http",
    spans = createSpanCounts(),
    certificateValidToMs = null,
  }: MetricsSources,
  loop: LoopWatch,
): () => Metric[] {
  const { counters, hashing, measures } = app;
  const sources = {
    ...measures,
    counters,
    pendingRequests,
    scheme,
    cacheBytesMax,
    size: measures.size.latest,
    loopDelays: loop.delays,
    store: database.kind,
    hashing: hashing.implementation,
  };
  return () => [
    ...requestMetrics(sources),
    ...storeMetrics(sources),
    ...databaseMetrics(sources),
    ...brakeMetrics(measures.brakes, measures.rateLimits),
    ...spanMetrics(spans),
    ...tlsMetrics(certificateValidToMs?.() ?? null),
    ...processMetrics(sources),
  ];
}

function createLoading(read: () => Metric[]): Loading {
  const startedAtMs = Date.now() - process.uptime() * 1000;
  let loading: Promise<MetricProducer> | null = null;
  return () =>
    (loading ??= import("./producer.ts").then(({ createProducer }) =>
      createProducer(read, startedAtMs),
    ));
}

function pagesOf(load: Loading, sources: SnapshotSources): Pages {
  return new Map([
    ...statusPages(sources),
    [
      "/metrics",
      async () => {
        const { toPrometheus, prometheusType } = await import("./prometheus.ts");
        return { type: prometheusType, body: await toPrometheus(await load()) };
      },
    ],
  ]);
}

/** Gives what ends it. */
function pushLater(options: PushOptions, load: Loading): () => Promise<void> {
  let pushing: Promise<Push> | null = null;
  async function begin(): Promise<Push> {
    const { startPush } = await import("./push.ts");
    return startPush(await load(), options);
  }
  const start = (): Promise<Push> => (pushing ??= begin());
  const timer = setTimeout(() => {
    start().catch((error: unknown) => {
      options.log.warn("metrics are not pushed", { error });
    });
  }, pushDelayMs);
  return async () => {
    clearTimeout(timer);
    try {
      await (await start()).stop(limits.metricsStopMsMax);
    } catch {
      // it has been told
    }
  };
}
