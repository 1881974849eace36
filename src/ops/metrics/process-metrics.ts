import type { Histogram } from "../../domain/histogram.ts";
import manifest from "../../../package.json" with { type: "json" };
import { logLinesLost } from "../log-output.ts";
import { only, type Metric } from "./metric.ts";

/** What runs, and how well. */
export interface ProcessSources {
  /** How late the event loop was, in seconds. */
  readonly loopDelays: Histogram;
  readonly store: string;
  readonly hashing: string;
}

/** The metrics of the process, by the semantic conventions, of what it runs on, and its version. */
export function processMetrics({ loopDelays, store, hashing }: ProcessSources): Metric[] {
  const cpu = process.cpuUsage();
  const memory = process.memoryUsage();
  return [
    {
      name: "process.cpu.time",
      unit: "s",
      description: "CPU time that the process took",
      kind: "total",
      points: [
        { attributes: { "cpu.mode": "user" }, value: cpu.user / 1e6 },
        { attributes: { "cpu.mode": "system" }, value: cpu.system / 1e6 },
      ],
    },
    {
      name: "process.memory.usage",
      unit: "By",
      description: "Physical memory in use, the cache included",
      kind: "level",
      points: only(memory.rss),
    },
    {
      name: "process.uptime",
      unit: "s",
      description: "How long the process has been running",
      kind: "gauge",
      points: only(process.uptime()),
    },
    {
      name: "registry.runtime.heap.used",
      unit: "By",
      description: "Memory of live JavaScript objects, as of the last collection",
      kind: "level",
      points: only(memory.heapUsed),
    },
    {
      name: "registry.runtime.heap.external",
      unit: "By",
      description: "Memory outside of the heap that JavaScript objects hold, bytes of blobs mostly",
      kind: "level",
      points: only(memory.external),
    },
    {
      name: "registry.event_loop.delay",
      unit: "s",
      description: "How late a timer was that is due ten times a second",
      kind: "histogram",
      points: [{ attributes: {}, value: loopDelays }],
    },
    {
      name: "registry.log.lost",
      unit: "{line}",
      description: "Lines of the log that nobody took in time, or that could not be written",
      kind: "total",
      points: only(logLinesLost()),
    },
    {
      name: "registry.build_info",
      unit: "",
      description: "Always 1: what runs, on what",
      kind: "gauge",
      points: [
        {
          attributes: { version: manifest.version, bun: Bun.version, store, hashing },
          value: 1,
        },
      ],
    },
  ];
}
