import { toQuoted } from "./printable.ts";
import { UsageError } from "./usage-error.ts";

const bytesOf = { GiB: 1024 ** 3, MiB: 1024 ** 2, KiB: 1024, "": 1 } as const;
const msOf = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;

/**
 * Reads a size in bytes: `500`, `10KiB`, `64MiB`, `1GiB`.
 * @throws UsageError with the accepted forms
 */
export function parseBytes(text: string): number {
  const bytes = readQuantity(text, /^(\d+)(KiB|MiB|GiB|)$/, bytesOf);
  if (bytes !== null) return bytes;
  throw new UsageError(`${toQuoted(text)} is not a size; write 500 (bytes), 10KiB, 64MiB or 1GiB`);
}

/**
 * Reads a duration in milliseconds: `500ms`, `10s`, `5m`, `1h`.
 * @throws UsageError with the accepted forms
 */
export function parseDurationMs(text: string): number {
  const ms = readQuantity(text, /^(\d+)(ms|s|m|h)$/, msOf);
  if (ms !== null) return ms;
  throw new UsageError(`${toQuoted(text)} is not a duration; write 500ms, 10s, 5m or 1h`);
}

/** The shortest form that `parseBytes` reads back as `bytes`. */
export function formatBytes(bytes: number): string {
  return formatQuantity(bytes, bytesOf, "");
}

/** The shortest form that `parseDurationMs` reads back as `ms`. */
export function formatDurationMs(ms: number): string {
  return formatQuantity(ms, msOf, "s");
}

// --- internal ---

function readQuantity(text: string, form: RegExp, unitOf: Record<string, number>): number | null {
  const [, digits, unit] = form.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return null;
  const quantity = Number(digits) * (unitOf[unit] ?? Number.NaN);
  return Number.isSafeInteger(quantity) ? quantity : null;
}

function formatQuantity(quantity: number, unitOf: Record<string, number>, unitOfZero: string) {
  if (quantity === 0) return `0${unitOfZero}`;
  const unit = Object.entries(unitOf).find(([, size]) => quantity % size === 0);
  return unit === undefined ? String(quantity) : `${quantity / unit[1]}${unit[0]}`;
}
