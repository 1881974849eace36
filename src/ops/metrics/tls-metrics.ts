import { atMostOne, type Metric } from "./metric.ts";

/**
 * The metric of the certificate that is served; without points where none is.
 * @param validToMs when it expires, in ms since 1970
 */
export function tlsMetrics(validToMs: number | null): Metric[] {
  return [
    {
      name: "registry.tls.certificate.expiry",
      unit: "s",
      description: "When the certificate that is served expires, in seconds since 1970",
      kind: "gauge",
      points: atMostOne(validToMs === null ? null : validToMs / 1000),
    },
  ];
}
