import { limits } from "../../domain/limits.ts";
import type { Log } from "../../domain/log.ts";
import { createRequestTraces, type RequestTraces } from "../../http/request-traces.ts";
import { beginTracing } from "../../tracing/current.ts";
import { createSampler } from "../../tracing/sampler.ts";
import type { EndedSpan } from "../../tracing/span.ts";
import { createSpanCounts, type SpanCounts } from "./span-counts.ts";
import type { SpanExport } from "./span-export.ts";
import type { TracesConfig } from "./traces-config.ts";

/** The traces of a registry, on their way out. */
export interface Traces {
  /** Records requests; null: nothing is traced. */
  readonly requests: RequestTraces | null;
  readonly counts: SpanCounts;
  /** Begins to export. What is loaded for it is loaded a little later; until then spans wait. */
  begin(): void;
  /** Exports what there is, within a bound, and ends. Never fails. */
  stop(): Promise<void>;
}

/** Traces requests, where there is somebody to be told of them. */
export function openTraces(config: TracesConfig | null, log: Log): Traces {
  const counts = createSpanCounts();
  if (config === null) return { requests: null, counts, begin() {}, stop: async () => {} };
  const { url, queue } = config;
  let early: EndedSpan[] = [];
  let exporting: SpanExport | null = null;
  let loading: Promise<void> | null = null;
  let timer: ReturnType<typeof setTimeout> | null = null;
  const endTracing = beginTracing();

  function take(span: EndedSpan): void {
    if (exporting !== null) exporting.take(span);
    else if (early.length < queue.spansMax) early.push(span);
    else counts.dropped += 1;
  }

  async function load(): Promise<void> {
    try {
      const { startSpanExport } = await import("./span-export.ts");
      exporting = startSpanExport({ url, queue, counts, log });
      for (const span of early) exporting.take(span);
    } catch (error) {
      log.warn("traces are not exported", { error });
      counts.failed += early.length;
    }
    early = [];
  }

  return {
    requests: createRequestTraces({ ...config, sampler: createSampler(config.sampler), take }),
    counts,
    begin() {
      timer = setTimeout(() => {
        loading = load();
      }, loadDelayMs);
    },
    async stop() {
      endTracing();
      if (timer !== null) clearTimeout(timer);
      if (early.length > 0) loading ??= load();
      const sent = (async (): Promise<void> => {
        await loading;
        await exporting?.stop(limits.tracesStopMsMax);
      })();
      await Promise.race([sent, Bun.sleep(limits.tracesStopMsMax)]);
    },
  };
}

// --- internal ---

/** Loading the SDK holds up what comes meanwhile: not the first requests. */
const loadDelayMs = 1000;
