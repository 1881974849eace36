import type { Counters } from "../../domain/counters.ts";
import type { RequestMeter } from "../../http/request-meter.ts";
import { only, type Metric } from "./metric.ts";

/** What requests did. */
export interface RequestSources {
  readonly meter: Pick<RequestMeter, "series">;
  readonly counters: Pick<Counters, "refusals">;
  /** Requests received and not yet answered to the end. */
  readonly pendingRequests: () => number;
}

/** The metrics of requests, by the semantic conventions for HTTP servers, and refusals. */
export function requestMetrics({ meter, counters, pendingRequests }: RequestSources): Metric[] {
  return [
    {
      name: "http.server.request.duration",
      unit: "s",
      description: "From the arrival of a request until its answer is handed over to be sent",
      kind: "histogram",
      points: Array.from(meter.series(), ({ method, route, status, durations }) => ({
        attributes: {
          "http.request.method": method,
          "http.response.status_code": status,
          "http.route": route,
        },
        value: durations,
      })),
    },
    {
      name: "http.server.active_requests",
      unit: "{request}",
      description: "Requests received and not yet answered to the end",
      kind: "level",
      points: only(pendingRequests()),
    },
    {
      name: "registry.refusals",
      unit: "{request}",
      description: "Requests that were refused or failed, by the code that the client was told",
      kind: "total",
      points: Object.entries(counters.refusals).map(([code, value]) => ({
        attributes: { code },
        value,
      })),
    },
  ];
}
