import { toHex } from "../domain/bytes.ts";
import type { DatabaseCensus, RekeyObserver, RekeyReport } from "../ops/migrate-database.ts";

/** What is in a database, a line each, for people. */
export function renderCensus({ migrations, keys, large, uploads }: DatabaseCensus): string {
  const { applied, pending } = migrations;
  const lines: [what: string, value: string][] = [
    ["migrations applied", applied.length === 0 ? "none" : applied.join(", ")],
    ["migrations pending", pending.length === 0 ? "none" : pending.join(", ")],
    ["blobs under 32 bytes", String(keys.bytes32)],
    ["  of these in segments", renderSegments(large)],
    ["blobs under 16 bytes", String(keys.bytes16)],
    ["rows under other keys", String(keys.other)],
    ["uploads under way", renderSegments(uploads)],
  ];
  return lines.map(([what, value]) => `${what.padEnd(24)} ${value}\n`).join("");
}

/** The same as one line of JSON; docs/migrating.md names the fields. */
export function censusToJson({ migrations, keys, large, uploads }: DatabaseCensus): string {
  return toLine({
    migrations,
    blobs: {
      total: keys.total,
      keys_of_32_bytes: keys.bytes32,
      keys_of_16_bytes: keys.bytes16,
      other_keys: keys.other,
    },
    large_blobs: segmentsToJson(large),
    uploads_under_way: segmentsToJson(uploads),
  });
}

/** The migrations that ran, for people or as one line of JSON. */
export function renderApplied(applied: readonly string[], isJson: boolean): string {
  if (isJson) return toLine({ applied });
  if (applied.length === 0) return "nothing is pending\n";
  return applied.map((name) => `applied ${name}\n`).join("");
}

type BadRow = Parameters<RekeyObserver["onBad"]>[0];

/** A row that was not rekeyed. */
export function renderBadRow({ key, why }: BadRow, isJson: boolean): string {
  return isJson ? toLine({ key: toHex(key), why }) : `bad ${toHex(key)}: ${why}\n`;
}

/** What rekeying has done. */
export function renderRekeyed(report: RekeyReport, isJson: boolean): string {
  const { rekeyed, merged, repaired, bad } = report;
  if (isJson) return toLine({ rekeyed, merged, repaired, bad });
  const left = bad === 0 ? "" : ", left as they are";
  return `rekeyed ${rekeyed}, merged ${merged} (repaired ${repaired}), bad ${bad}${left}\n`;
}

// --- internal ---

type Segments = DatabaseCensus["large"];

function renderSegments({ total, segments, bytesTotal }: Segments): string {
  return `${total} (${segments} segments, ${bytesTotal} bytes)`;
}

function segmentsToJson({ total, segments, bytesTotal }: Segments) {
  return { total, segments, bytes: bytesTotal };
}

function toLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
