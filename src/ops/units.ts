import type { Rate } from "../rate-limit/token-buckets.ts";
import { toQuoted } from "./printable.ts";
import { UsageError } from "./usage-error.ts";

const bytesOf = { GiB: 1024 ** 3, MiB: 1024 ** 2, KiB: 1024, "": 1 } as const;
const msOf = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;

/**
 * Reads a size in bytes: `500`, `10KiB`, `64MiB`, `1GiB`.
 * @throws UsageError with the accepted forms
 */
export function parseBytes(text: string): number {
  const bytes = readQuantity(text, sizeForm, bytesOf);
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

/**
 * Reads a rate: of requests `100/s`, `5/m`, `1000/h`; of bytes `10MiB/s`. What may be had in that
 * time may be had at once.
 * @throws UsageError with the accepted forms
 */
export function parseRate(text: string, of: "requests" | "bytes"): Rate {
  const [, amountText, unit] = /^([^/]*)\/([smh])$/.exec(text) ?? [];
  const amount = amountText === undefined ? null : amountsOf[of](amountText);
  if (amount !== null && amount > 0 && amount <= rateAmountMax && isUnitOfRate(unit)) {
    return { amount, perMs: msOf[unit] };
  }
  const forms = of === "requests" ? "100/s, 5/m or 1000/h" : "500KiB/s, 10MiB/s or 1GiB/h";
  throw new UsageError(
    `${toQuoted(text)} is not a rate; write ${forms}, or leave it out: no limit`,
  );
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

/** As many as a field of an answer can tell, with room (RFC 9651 section 3.3.1: 15 digits). */
const rateAmountMax = 10 ** 14;

const amountsOf = {
  requests: (text: string) => readQuantity(text, /^(\d+)()$/, bytesOf),
  bytes: (text: string) => readQuantity(text, sizeForm, bytesOf),
};

const sizeForm = /^(\d+)(KiB|MiB|GiB|)$/;

function isUnitOfRate(unit: string | undefined): unit is "s" | "m" | "h" {
  return unit === "s" || unit === "m" || unit === "h";
}

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
