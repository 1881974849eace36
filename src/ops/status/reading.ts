import type { Histogram } from "../../domain/histogram.ts";
import type { Attributes, Metric } from "../metrics/metric.ts";

/** Chooses points of a metric. */
export type Where = (attributes: Attributes) => boolean;

/**
 * The sum of the points of a metric, of a histogram the number of its values; NaN for a gauge that
 * is not known, 0 for what was not counted yet.
 */
export function addUp(metrics: readonly Metric[], name: string, where: Where = everywhere): number {
  const metric = metrics.find((candidate) => candidate.name === name);
  if (metric === undefined) return Number.NaN;
  if (metric.kind === "histogram") {
    const { counts } = mergeOf(metrics, name, where);
    return counts.reduce((total, count) => total + count, 0);
  }
  if (metric.kind === "gauge" && metric.points.length === 0) return Number.NaN;
  let sum = 0;
  for (const { attributes, value } of metric.points) if (where(attributes)) sum += value;
  return sum;
}

/** The points of a histogram as one, a copy; without bounds when it has none. */
export function mergeOf(
  metrics: readonly Metric[],
  name: string,
  where: Where = everywhere,
): Histogram {
  const metric = metrics.find((candidate) => candidate.name === name);
  const points = metric?.kind === "histogram" ? metric.points : [];
  const bounds = points[0]?.value.bounds ?? [];
  const counts = new Float64Array(bounds.length + 1);
  let sum = 0;
  for (const { attributes, value } of points) {
    if (!where(attributes)) continue;
    for (const [index, count] of value.counts.entries())
      counts[index] = (counts[index] ?? 0) + count;
    sum += value.sum;
  }
  return { bounds, counts, sum };
}

/** What the single point of a metric is about. */
export function attributesOf(metrics: readonly Metric[], name: string): Attributes {
  return metrics.find((metric) => metric.name === name)?.points[0]?.attributes ?? {};
}

/** Answers of one class of statuses: 2 for 200 to 299. */
export function ofClass(statusClass: number): Where {
  return (attributes) =>
    Math.floor(Number(attributes["http.response.status_code"]) / 100) === statusClass;
}

// --- internal ---

const everywhere: Where = () => true;
