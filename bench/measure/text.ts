import { type Spread } from "./spread.ts";

/** A rate, e.g. `104,211/s`. */
export function perSecondText({ median }: Spread): string {
  return `${Math.round(median).toLocaleString("en")}/s`;
}

/** A short time, e.g. `8.31 µs`, `2.05 ms`. */
export function usText({ median }: Spread): string {
  return median < 1000 ? `${median.toFixed(2)} µs` : `${(median / 1000).toFixed(2)} ms`;
}

/** Bytes, e.g. `112 MiB`. */
export function mebibytesText(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
