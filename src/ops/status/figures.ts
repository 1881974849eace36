import type { Attributes, Metric } from "../metrics/metric.ts";
import { quantileOf } from "./quantile.ts";
import { addUp, mergeOf, ofClass, type Where } from "./reading.ts";

/** Makes figures of two readings of the metrics; NaN: nobody knows, or nothing was done. */
export type Figures = (
  metrics: readonly Metric[],
  /** Seconds since the reading before. */
  seconds: number,
) => Map<string, number>;

/** The names of figures that count refusals: this, and a code. */
export const refusalsPrefix = "refusals:";

/**
 * What a page shows of metrics that only grow, as differences: rates are per second, times are
 * seconds. Keeps the reading before; before the first, all was zero, as when the process began.
 */
export function createFigures(): Figures {
  const totals = new Map<string, number>();
  const buckets = new Map<string, Float64Array>();

  /** By how much a total has grown. */
  function growth(name: string, now: number): number {
    const before = totals.get(name) ?? 0;
    totals.set(name, now);
    return Math.max(0, now - before);
  }

  /** What a histogram has counted meanwhile. */
  function countsOf(name: string, now: Float64Array): Float64Array {
    const before = buckets.get(name);
    buckets.set(name, now);
    return now.map((count, index) => Math.max(0, count - (before?.[index] ?? 0)));
  }

  return (metrics, seconds) => {
    const found = new Map<string, number>();
    for (const [name, metric, where] of rates) {
      found.set(name, growth(name, addUp(metrics, metric, where)) / seconds);
    }
    for (const [name, metric, where] of levels) found.set(name, addUp(metrics, metric, where));
    for (const [name, metric, where] of distributions) {
      const { bounds, counts, sum } = mergeOf(metrics, metric, where);
      const delta = countsOf(name, counts);
      const count = delta.reduce((total, value) => total + value, 0);
      const grown = growth(name, sum);
      found.set(`${name}:mean`, count === 0 ? Number.NaN : grown / count);
      for (const q of [50, 90, 99]) found.set(`${name}:p${q}`, quantileOf(bounds, delta, q / 100));
    }
    const hits = found.get("cache-hits") ?? 0;
    const reads = hits + (found.get("cache-misses") ?? 0);
    found.set("cache-ratio", reads === 0 ? Number.NaN : hits / reads);
    for (const [code, total] of refusalsOf(metrics)) {
      found.set(`${refusalsPrefix}${code}`, growth(`${refusalsPrefix}${code}`, total));
    }
    return found;
  };
}

/** Refusals since the start, by code, of which there were some. */
export function refusalsOf(metrics: readonly Metric[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { name, kind, points } of metrics) {
    if (name !== "registry.refusals" || kind === "histogram") continue;
    for (const { attributes, value } of points) {
      if (value > 0) found.set(String(attributes["code"]), value);
    }
  }
  return found;
}

// --- internal ---

/** The name of a figure, the metric it is of, and which of its points. */
type Row = readonly [name: string, metric: string, where?: Where];

const requests = "http.server.request.duration";
const blobRoute = "/api/v1/metadata/{hash}";
const connections = "db.client.connection.count";
const waiting = "db.client.connection.pending_requests";

const isDownload: Where = (a) =>
  a["http.route"] === blobRoute &&
  (a["http.request.method"] === "GET" || a["http.request.method"] === "HEAD");
const isUpload: Where = (a) =>
  (a["http.route"] === "/api/v1/metadata" && a["http.request.method"] === "POST") ||
  (a["http.route"] === blobRoute && a["http.request.method"] === "PUT");
const isWrite: Where = ({ kind }) => kind === "write";
const isRead: Where = ({ kind }) => kind !== "write";
const usedBy =
  (pool: string): Where =>
  (a) =>
    a["db.client.connection.state"] === "used" && a["db.client.connection.pool.name"] === pool;
const ofRequests = (a: Attributes): boolean => a["lane"] !== "health";

const rates: readonly Row[] = [
  ["answers-2xx", requests, ofClass(2)],
  ["answers-3xx", requests, ofClass(3)],
  ["answers-4xx", requests, ofClass(4)],
  ["answers-5xx", requests, ofClass(5)],
  ["refusals", "registry.refusals"],
  ["received", "registry.blobs.received"],
  ["sent", "registry.blobs.sent"],
  ["stored", "registry.blobs.stored"],
  ["deduplicated", "registry.blobs.deduplicated"],
  ["cache-hits", "registry.cache.hits"],
  ["cache-misses", "registry.cache.misses"],
  ["cpu", "process.cpu.time"],
];

const levels: readonly Row[] = [
  ["active", "http.server.active_requests"],
  ["in-flight", "registry.in_flight.size"],
  ["in-flight-limit", "registry.in_flight.limit"],
  ["waiting-memory", "registry.in_flight.waiting"],
  ["waiting-reads", "registry.queue.depth", isRead],
  ["waiting-writes", "registry.queue.depth", isWrite],
  ["cache-size", "registry.cache.size"],
  ["cache-limit", "registry.cache.limit"],
  ["used-read", connections, usedBy("read")],
  ["used-write", connections, usedBy("write")],
  ["used-stream", connections, usedBy("stream")],
  ["waiting-statements", waiting],
  ["memory", "process.memory.usage"],
  ["heap", "registry.runtime.heap.used"],
  ["external", "registry.runtime.heap.external"],
  ["database-size", "registry.database.size"],
  ["database-blobs", "registry.database.blobs"],
];

const distributions: readonly Row[] = [
  ["download", requests, isDownload],
  ["upload", requests, isUpload],
  ["statement", "db.client.operation.duration", ofRequests],
  ["read-batch", "registry.batch.size", isRead],
  ["write-batch", "registry.batch.size", isWrite],
  ["read-wait", "registry.batch.wait", isRead],
  ["write-wait", "registry.batch.wait", isWrite],
  ["loop", "registry.event_loop.delay"],
];
