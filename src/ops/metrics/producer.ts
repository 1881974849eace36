import { ValueType, type HrTime } from "@opentelemetry/api";
import { emptyResource } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  DataPointType,
  type DataPoint,
  type MetricData,
  type MetricProducer,
} from "@opentelemetry/sdk-metrics";
import type { Histogram } from "../../domain/histogram.ts";
import manifest from "../../../package.json" with { type: "json" };
import type { Metric, Point } from "./metric.ts";

/**
 * Makes OpenTelemetry's data out of our plain numbers whenever it is asked: the one source of what
 * is scraped and of what is pushed. All is cumulative, since `startedAtMs`.
 */
export function createProducer(read: () => readonly Metric[], startedAtMs: number): MetricProducer {
  const startTime = toHrTime(startedAtMs);
  const scope = { name: manifest.name, version: manifest.version };
  return {
    async collect() {
      const endTime = toHrTime(Date.now());
      const metrics = read().map((metric) => toMetricData(metric, { startTime, endTime }));
      const resourceMetrics = { resource: emptyResource(), scopeMetrics: [{ scope, metrics }] };
      return { resourceMetrics, errors: [] };
    },
  };
}

// --- internal ---

interface Span {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

function toMetricData(metric: Metric, span: Span): MetricData {
  const { name, unit, description, kind } = metric;
  // What is not measured in seconds is counted in whole numbers.
  const valueType = unit === "s" ? ValueType.DOUBLE : ValueType.INT;
  const common = {
    descriptor: { name, unit, description, valueType },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  if (kind === "histogram") {
    const dataPoints = metric.points.map((point) => toPoint(point, span, toHistogramValue));
    return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints };
  }
  const dataPoints = metric.points.map((point) => toPoint(point, span, (value) => value));
  if (kind === "gauge") return { ...common, dataPointType: DataPointType.GAUGE, dataPoints };
  const isMonotonic = kind === "total";
  return { ...common, dataPointType: DataPointType.SUM, isMonotonic, dataPoints };
}

function toPoint<From, To>(
  { attributes, value }: Point<From>,
  span: Span,
  convert: (value: From) => To,
): DataPoint<To> {
  return { ...span, attributes, value: convert(value) };
}

function toHistogramValue({ bounds, counts, sum }: Histogram) {
  return {
    buckets: { boundaries: [...bounds], counts: [...counts] },
    count: counts.reduce((total, count) => total + count, 0),
    sum,
  };
}

/** Seconds since 1970, and nanoseconds. */
function toHrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
