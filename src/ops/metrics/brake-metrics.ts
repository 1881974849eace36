import type { RateLimits } from "../../http/guards/rate-limits.ts";
import type { BrakeState } from "../brakes.ts";
import { atMostOne, only, type Metric } from "./metric.ts";

/** The metrics of what an operator holds the registry back with. */
export function brakeMetrics(state: BrakeState, rateLimits: Pick<RateLimits, "clients">): Metric[] {
  const { isReadOnly, quota, denied, takedownAgeMs } = state;
  return [
    {
      name: "registry.read_only",
      unit: "",
      description: "Whether uploads are refused by --read-only: 1, else 0",
      kind: "gauge",
      points: only(isReadOnly ? 1 : 0),
    },
    {
      name: "registry.quota.limit",
      unit: "By",
      description: "What may be stored: --max-stored-bytes; 0: no bound",
      kind: "gauge",
      points: only(quota.bytesMax),
    },
    {
      name: "registry.quota.used",
      unit: "By",
      description: "What is stored, by the last estimate and what came in here since",
      kind: "gauge",
      points: atMostOne(quota.bytesUsed()),
    },
    {
      name: "registry.denied.keys",
      unit: "{key}",
      description: "Keys that are denied: taken down by registry delete, or on --deny-list",
      kind: "gauge",
      points: [
        { attributes: { source: "takedowns" }, value: denied.takedowns.size },
        { attributes: { source: "list" }, value: denied.list().size },
      ],
    },
    {
      name: "registry.takedowns.age",
      unit: "s",
      description: "How long ago this registry has read what is taken down, as it does every 5 s",
      kind: "gauge",
      points: only(takedownAgeMs() / 1000),
    },
    {
      name: "registry.rate_limit.clients",
      unit: "{client}",
      description: "Clients that a rate limit remembers",
      kind: "gauge",
      points: Object.entries(rateLimits.clients()).map(([policy, value]) => ({
        attributes: { policy },
        value,
      })),
    },
  ];
}
