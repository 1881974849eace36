import { cpus, totalmem } from "node:os";
import { type Figure, type Target } from "./measure/figure.ts";
import { headroomMin } from "./measure/slices.ts";

/** A figure's place in the table. */
const columns = ["what", "measured", "counts", "must reach", "wanted", "result"] as const;

/** All figures as one Markdown table, which reads well as plain text too. */
export function renderTable(figures: readonly Figure[]): string {
  const rows = [columns, ...figures.map(cellsOf)];
  const widths = columns.map((_, n) => Math.max(...rows.map((row) => row[n]?.length ?? 0)));
  const lines = rows.map(
    (row) => `| ${row.map((cell, n) => cell.padEnd(widths[n] ?? 0)).join(" | ")} |`,
  );
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}

/** Whether a figure is wrong or misses what it must reach; the bench then fails. */
export function isBad(figure: Figure): boolean {
  return hasFailed(figure) || resultOf(figure).startsWith("missed");
}

/** Whether a figure could not be measured, or an answer was wrong. */
export function hasFailed(figure: Figure): boolean {
  return resultOf(figure).startsWith("FAILED");
}

/** The machine, for RESULTS.md. */
export function renderMachine(): string {
  const [cpu] = cpus();
  const gibibytes = (totalmem() / 1024 ** 3).toFixed(0);
  return `${cpus().length} × ${cpu?.model ?? "unknown processor"}, ${gibibytes} GiB of memory`;
}

// --- internal ---

function cellsOf(figure: Figure): string[] {
  const { what, measured, counts, unit = "×", target, headroom } = figure;
  const digits = unit === "×" ? 2 : 0;
  const text = (value: number): string => value.toFixed(digits);
  const spread =
    counts === undefined
      ? ""
      : `${text(counts.median)} ${unit} (${text(counts.low)}–${text(counts.high)})`;
  const room = headroom === undefined ? "" : `; generator ${headroom.toFixed(1)}×`;
  return [
    what,
    `${measured}${room}`,
    spread,
    limitText(target, target?.mustReach, unit),
    limitText(target, target?.wanted, unit),
    resultOf(figure),
  ];
}

function limitText(target: Target | undefined, limit: number | undefined, unit: string): string {
  if (target === undefined || limit === undefined) return "";
  return `${target.isAtMost === true ? "≤" : "≥"} ${limit} ${unit}`;
}

function resultOf({ counts, target, headroom, failures = [], skipped }: Figure): string {
  if (skipped !== undefined) return `skipped: ${skipped}`;
  if (failures.length > 0) return `FAILED: ${Array.from(new Set(failures)).slice(0, 3).join("; ")}`;
  if (headroom !== undefined && headroom < headroomMin) {
    return `does not count: the generator is only ${headroom.toFixed(2)}× as fast`;
  }
  if (counts === undefined || target === undefined) return "reported";
  if (reaches(counts.median, target, target.wanted)) return "wanted";
  if (target.mustReach === undefined) return "below what is wanted";
  return reaches(counts.median, target, target.mustReach) ? "reached" : "missed";
}

function reaches(value: number, { isAtMost = false }: Target, limit: number): boolean {
  return isAtMost ? value <= limit : value >= limit;
}
