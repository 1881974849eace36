import { limits } from "../../domain/limits.ts";
import type { Metric } from "../metrics/metric.ts";
import { createFigures } from "./figures.ts";
import { createHistory, type History } from "./history.ts";

/** Keeps what the last minutes were like. */
export interface Sampler {
  readonly history: History;
  /** Takes a sample now. */
  sample(): void;
  /** The metrics of now. */
  read(): readonly Metric[];
  stop(): void;
}

/**
 * Begins to take a sample of the metrics every few seconds, and keeps the newest: so many that a
 * page just opened shows how it came to this. Keeps no process running.
 */
export function startSampler(read: () => readonly Metric[]): Sampler {
  const history = createHistory(limits.statusSamplesMax);
  const figures = createFigures();
  let sampledMs = performance.now();
  let stampMs = 0;

  function sample(): void {
    const nowMs = performance.now();
    const seconds = (nowMs - sampledMs) / 1000;
    if (seconds <= 0) return;
    sampledMs = nowMs;
    stampMs = Math.max(stampMs + 1, Date.now()); // the clock may be set back, times only grow
    history.add(stampMs, figures(read(), seconds));
  }

  const timer = setInterval(sample, limits.statusSampleMs);
  timer.unref();
  return { history, sample, read, stop: () => clearInterval(timer) };
}
