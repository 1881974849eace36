import type { BudgetCounts } from "../../domain/budget.ts";
import type { Counters } from "../../domain/counters.ts";
import { statusOf } from "../../http/problem.ts";
import type { RequestMeter } from "../../http/request-meter.ts";
import { only, type Metric } from "./metric.ts";

/** What requests did. */
export interface RequestSources {
  readonly meter: Pick<RequestMeter, "series" | "active">;
  readonly counters: Pick<Counters, "refusals">;
  /** What they hold of memory together. */
  readonly inFlight: BudgetCounts;
  /** Requests received and not yet answered to the end. */
  readonly pendingRequests: () => number;
  /** What the registry itself speaks, whatever stands before it. */
  readonly scheme: string;
}

/** The metrics of requests, by the semantic conventions for HTTP servers, and refusals. */
export function requestMetrics(sources: RequestSources): Metric[] {
  const { meter, counters, inFlight, pendingRequests, scheme } = sources;
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
          "url.scheme": scheme,
          // A refusal is the client's; a failure is ours.
          ...(status >= 500 ? { "error.type": String(status) } : {}),
        },
        value: durations,
      })),
    },
    {
      name: "http.server.active_requests",
      unit: "{request}",
      description: "Requests received and not yet answered to the end",
      kind: "level",
      points: Array.from(meter.active(pendingRequests()), ([method, value]) => ({
        attributes: { "http.request.method": method, "url.scheme": scheme },
        value,
      })),
    },
    {
      name: "registry.in_flight.size",
      unit: "By",
      description: "Memory that requests under way are charged with",
      kind: "level",
      points: only(inFlight.bytesTaken),
    },
    {
      name: "registry.in_flight.limit",
      unit: "By",
      description: "Memory that they may hold together: --max-in-flight",
      kind: "level",
      points: only(inFlight.bytesMax),
    },
    {
      name: "registry.in_flight.waiting",
      unit: "{request}",
      description: "Requests that wait for others to end",
      kind: "level",
      points: only(inFlight.waiting),
    },
    {
      name: "registry.refusals",
      unit: "{request}",
      description: "Requests that were refused or failed, by the code that the client was told",
      kind: "total",
      points: Object.entries({ ...noFailures, ...counters.refusals }).map(([code, value]) => ({
        attributes: { code },
        value,
      })),
    },
  ];
}

// --- internal ---

/** Told from the start: of what appears with its first failure, Prometheus sees no increase. */
const noFailures = Object.fromEntries(
  Object.entries(statusOf)
    .filter(([, status]) => status >= 500)
    .map(([code]) => [code, 0]),
);
