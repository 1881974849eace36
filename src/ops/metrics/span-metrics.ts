import type { SpanCounts } from "../tracing/span-counts.ts";
import { only, type Metric } from "./metric.ts";

/** The metrics of tracing itself. */
export function spanMetrics({ exported, dropped, failed }: SpanCounts): Metric[] {
  return [
    {
      name: "registry.spans.exported",
      unit: "{span}",
      description: "Spans of traces that a receiver took",
      kind: "total",
      points: only(exported),
    },
    {
      name: "registry.spans.lost",
      unit: "{span}",
      description: "Spans of traces that no receiver took",
      kind: "total",
      points: [
        { attributes: { reason: "queue_full" }, value: dropped },
        { attributes: { reason: "export_failed" }, value: failed },
      ],
    },
  ];
}
