import type { Unit } from "./format.ts";

/** A line of a chart. */
export interface Line {
  /** The name of its figure. */
  readonly figure: string;
  readonly label: string;
  /** Which of the page's colours it has; by default that of its place among the lines. */
  readonly colour?: "good" | "fair" | "poor" | "bad" | "quiet";
}

/** A chart, and what is told of it. */
export interface Panel {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  /** Its values differ by powers of ten. */
  readonly isLogarithmic?: boolean;
  /** The end of its scale; by default what the values ask for. */
  readonly top?: number;
  /** Besides the newest, what tells most: the highest value, unless said otherwise. */
  readonly extreme?: "lowest";
  readonly lines: readonly Line[];
}

/** The charts of the page, in their order: is it up, is it fast, what is it running out of. */
export const panels: readonly Panel[] = [
  {
    id: "requests",
    title: "Requests",
    unit: "per second",
    lines: [
      { figure: "answers-2xx", label: "2xx", colour: "good" },
      { figure: "answers-3xx", label: "3xx", colour: "quiet" },
      { figure: "answers-4xx", label: "4xx", colour: "poor" },
      { figure: "answers-5xx", label: "5xx", colour: "bad" },
    ],
  },
  percentiles("download", "Time to answer downloads"),
  percentiles("upload", "Time to answer uploads"),
  {
    id: "refusals",
    title: "Refusals and failures",
    unit: "per second",
    lines: [{ figure: "refusals", label: "all codes", colour: "bad" }],
  },
  {
    id: "traffic",
    title: "Traffic of blobs",
    unit: "bytes/s",
    lines: [
      { figure: "sent", label: "sent" },
      { figure: "received", label: "received" },
    ],
  },
  {
    id: "uploads",
    title: "Uploads",
    unit: "per second",
    lines: [
      { figure: "stored", label: "new" },
      { figure: "deduplicated", label: "known" },
    ],
  },
  {
    id: "cache-ratio",
    title: "Reads that the cache answered",
    unit: "ratio",
    top: 1,
    extreme: "lowest",
    lines: [{ figure: "cache-ratio", label: "hit ratio" }],
  },
  {
    id: "cache",
    title: "Cache",
    unit: "bytes",
    lines: [
      { figure: "cache-size", label: "in use" },
      { figure: "cache-limit", label: "limit", colour: "quiet" },
    ],
  },
  {
    id: "batch-size",
    title: "Calls in a batch, on average",
    unit: "count",
    lines: [
      { figure: "read-batch:mean", label: "reads" },
      { figure: "write-batch:mean", label: "uploads" },
    ],
  },
  {
    id: "batch-wait",
    title: "Wait for a batch, on average",
    unit: "seconds",
    lines: [
      { figure: "read-wait:mean", label: "reads" },
      { figure: "write-wait:mean", label: "uploads" },
    ],
  },
  {
    id: "queues",
    title: "Under way and waiting",
    unit: "count",
    lines: [
      { figure: "active", label: "requests" },
      { figure: "waiting-reads", label: "reads in queue" },
      { figure: "waiting-writes", label: "uploads in queue" },
      { figure: "waiting-memory", label: "for memory", colour: "bad" },
    ],
  },
  {
    id: "in-flight",
    title: "Memory of requests under way",
    unit: "bytes",
    lines: [
      { figure: "in-flight", label: "in use" },
      { figure: "in-flight-limit", label: "limit", colour: "quiet" },
    ],
  },
  {
    id: "connections",
    title: "Database connections",
    unit: "count",
    lines: [
      { figure: "used-read", label: "reading" },
      { figure: "used-write", label: "writing" },
      { figure: "used-stream", label: "large blobs" },
      { figure: "waiting-statements", label: "waiting", colour: "bad" },
    ],
  },
  percentiles("statement", "Time of database statements"),
  {
    id: "database-size",
    title: "Database on disk",
    unit: "bytes",
    lines: [{ figure: "database-size", label: "tables" }],
  },
  {
    id: "database-blobs",
    title: "Blobs in the database",
    unit: "count",
    lines: [{ figure: "database-blobs", label: "estimate" }],
  },
  {
    id: "memory",
    title: "Memory",
    unit: "bytes",
    lines: [
      { figure: "memory", label: "process (RSS)" },
      { figure: "heap", label: "JavaScript heap" },
      { figure: "external", label: "outside heap" },
    ],
  },
  {
    id: "cpu",
    title: "CPU, of one core",
    unit: "ratio",
    lines: [{ figure: "cpu", label: "in use" }],
  },
  {
    id: "loop",
    title: "Event-loop delay",
    unit: "seconds",
    isLogarithmic: true,
    lines: [
      { figure: "loop:mean", label: "mean", colour: "good" },
      { figure: "loop:p99", label: "p99", colour: "poor" },
    ],
  },
];

/** The colour of a line, by its name in the style sheet. */
export function colourOf({ colour }: Line, index: number): string {
  return colour ?? `line-${index}`;
}

/** What tells most of these values; null when none of them is known. */
export function extremeOf({ extreme }: Panel, values: readonly (number | null)[]): number | null {
  let found: number | null = null;
  for (const value of values) {
    if (value === null) continue;
    if (found === null || (extreme === "lowest" ? value < found : value > found)) found = value;
  }
  return found;
}

// --- internal ---

function percentiles(figure: string, title: string): Panel {
  return {
    id: figure,
    title,
    unit: "seconds",
    isLogarithmic: true,
    lines: [
      { figure: `${figure}:p50`, label: "p50", colour: "good" },
      { figure: `${figure}:p90`, label: "p90", colour: "fair" },
      { figure: `${figure}:p99`, label: "p99", colour: "poor" },
    ],
  };
}
