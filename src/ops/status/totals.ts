import type { Metric } from "../metrics/metric.ts";
import type { Unit } from "./format.ts";
import { addUp, ofClass, type Where } from "./reading.ts";

/** What was done since the start, as the page tells it. */
export interface Total {
  readonly id: string;
  readonly label: string;
  readonly unit: Unit;
  readonly metric: string;
  readonly where?: Where;
}

/** What the page tells, in its order. */
export const totals: readonly Total[] = [
  ...[2, 3, 4, 5].map((statusClass) => ({
    id: `answers-${statusClass}xx`,
    label: `answers ${statusClass}xx`,
    unit: "count" as const,
    metric: "http.server.request.duration",
    where: ofClass(statusClass),
  })),
  count("stored", "blobs stored", "registry.blobs.stored"),
  count("deduplicated", "uploads of known blobs", "registry.blobs.deduplicated"),
  bytes("received", "bytes stored", "registry.blobs.received"),
  bytes("sent", "bytes given out", "registry.blobs.sent"),
  count("cache-hits", "reads from the cache", "registry.cache.hits"),
  count("cache-misses", "reads from the database", "registry.cache.misses"),
  count("cache-evictions", "blobs dropped from the cache", "registry.cache.evictions"),
  count("cache-entries", "blobs in the cache now", "registry.cache.entries"),
  count("swept", "abandoned uploads removed", "registry.uploads.swept"),
  count("corrupt", "reads of corrupt bytes", "registry.blobs.corrupt"),
  count("repaired", "corrupt blobs repaired", "registry.blobs.repaired"),
];

/** Their values. */
export function totalsOf(metrics: readonly Metric[]): Record<string, number> {
  return Object.fromEntries(
    totals.map(({ id, metric, where }) => [id, addUp(metrics, metric, where)]),
  );
}

// --- internal ---

function count(id: string, label: string, metric: string): Total {
  return { id, label, unit: "count", metric };
}

function bytes(id: string, label: string, metric: string): Total {
  return { id, label, unit: "bytes", metric };
}
