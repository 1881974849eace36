import { type Row } from "../measure/figure.ts";
import { measureSwitched } from "../measure/switched.ts";

/** More than this machine can answer, so that nobody is refused. */
const limited = {
  REGISTRY_RATE_LIMIT_READS: "10000000/s",
  REGISTRY_RATE_LIMIT_UPLOADS: "1000000/s",
};

/** What a limit on reads costs those who keep to it. */
export const limits: Row = {
  name: "limits",
  async measure(bench) {
    const what = "GET, cached, 600 B, 64 connections: rate with rate limits, to without";
    if (!bench.product.flags.has("rate-limit-reads")) {
      return [{ what, measured: "", skipped: "this registry has no --rate-limit-reads" }];
    }
    return await measureSwitched(bench, {
      what,
      family: { name: "limits", bytesTotal: 600 },
      on: { environment: limited },
      off: {},
      mustReach: 0.97,
    });
  },
};
