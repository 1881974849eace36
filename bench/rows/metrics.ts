import { type Row } from "../measure/figure.ts";
import { measureSwitched } from "../measure/switched.ts";

/** What measuring itself costs. */
export const metrics: Row = {
  name: "metrics",
  async measure(bench) {
    const what = "GET, cached, 600 B, 64 connections: rate with metrics, to without";
    if (!bench.product.flags.has("metrics-port")) {
      return [{ what, measured: "", skipped: "this registry has no --metrics-port" }];
    }
    return await measureSwitched(bench, {
      what,
      family: { name: "metrics", bytesTotal: 600 },
      on: { hasMetrics: true },
      off: { hasMetrics: false },
      mustReach: 0.95,
    });
  },
};
