import { createHistogram, durationBounds, record, type Histogram } from "../../domain/histogram.ts";

/** Watches how late the event loop is. */
export interface LoopWatch {
  /** In seconds. */
  readonly delays: Histogram;
  stop(): void;
}

const periodMs = 100;

/** Begins to look, ten times a second, how late a timer comes. Keeps no process running. */
export function watchEventLoop(): LoopWatch {
  const delays = createHistogram(durationBounds);
  let dueMs = performance.now() + periodMs;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    record(delays, Math.max(0, nowMs - dueMs) / 1000);
    dueMs = nowMs + periodMs;
  }, periodMs);
  timer.unref();
  return { delays, stop: () => clearInterval(timer) };
}
