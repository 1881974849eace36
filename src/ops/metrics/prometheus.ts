import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import type { MetricData, MetricProducer } from "@opentelemetry/sdk-metrics";

/** The content type of Prometheus' text format. */
export const prometheusType = "text/plain; version=0.0.4; charset=utf-8";

/** Everything that `producer` has, in Prometheus' text format, version 0.0.4. */
export async function toPrometheus(producer: MetricProducer): Promise<string> {
  const { resourceMetrics } = await producer.collect();
  const scopeMetrics = resourceMetrics.scopeMetrics.map(({ scope, metrics }) => ({
    scope,
    metrics: metrics.filter(({ dataPoints }) => dataPoints.length > 0).map(withUnit),
  }));
  return serializer.serialize({ ...resourceMetrics, scopeMetrics });
}

// --- internal ---

/** Without the resource and the scope, which say the same of every metric. */
const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);

const suffixes: Readonly<Record<string, string>> = { s: ".seconds", By: ".bytes" };

/**
 * With its unit in its name, as OpenTelemetry's specification has it for Prometheus and the
 * serializer has not; and without the unit's line, which is not of this format.
 */
function withUnit(metric: MetricData): MetricData {
  const { descriptor } = metric;
  const name = `${descriptor.name}${suffixes[descriptor.unit] ?? ""}`;
  return { ...metric, descriptor: { ...descriptor, name, unit: "" } };
}
