/** What a figure is measured in. */
export type Unit = "bytes" | "bytes/s" | "count" | "per second" | "ratio" | "seconds";

/** A figure for people: three digits that count, and its unit. */
export function formatFigure(value: number | null, unit: Unit): string {
  return value === null || !Number.isFinite(value) ? unknownText : formats[unit](value);
}

/** Bytes in the largest unit of 1024 of which there is one: `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let step = 0;
  // 1023.6 KiB would be written as 1,024.
  while (Number(value.toPrecision(3)) >= 1000 && step < byteUnits.length - 1) {
    value /= 1024;
    step += 1;
  }
  return `${formatNumber(value)}\u00a0${byteUnits[step] ?? ""}`;
}

/** A short time, from microseconds on: `250 µs`, `1.5 ms`, `12 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds === 0) return "0\u00a0s";
  if (Number(seconds.toPrecision(3)) >= 1) return `${formatNumber(seconds)}\u00a0s`;
  if (Number(seconds.toPrecision(3)) >= 0.001) return `${formatNumber(seconds * 1e3)}\u00a0ms`;
  return `${formatNumber(seconds * 1e6)}\u00a0\u00b5s`;
}

/** A long time, in its two largest units: `3 d 4 h`, `12 min 5 s`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts: string[] = [];
  let left = whole;
  for (const [size, name] of longUnits) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0 || (parts.length > 0 && parts.length < 2)) parts.push(`${count}\u00a0${name}`);
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? "0\u00a0s" : parts.filter((part) => !part.startsWith("0")).join(" ");
}

/** A number with three digits that count, and all of those before the point: `0.12`, `12,345`. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

/** The time of day, `06:54:33`, in the time zone of whoever looks, or in UTC. */
export function formatTime(timeMs: number, timeZone?: "UTC"): string {
  return new Date(timeMs).toLocaleTimeString("en-GB", { timeZone });
}

// --- internal ---

/** What is written where nothing is known. */
const unknownText = "\u2013";

const formats: Readonly<Record<Unit, (value: number) => string>> = {
  bytes: formatBytes,
  "bytes/s": (value) => `${formatBytes(value)}/s`,
  count: formatNumber,
  "per second": (value) => `${formatNumber(value)}/s`,
  ratio: (value) => `${formatNumber(value * 100)}\u00a0%`,
  seconds: formatSeconds,
};

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

const longUnits = [
  [86_400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
] as const;
