import { appendFileSync } from "node:fs";
import { driveOptions } from "./options.ts";

/** What one fault came to. */
export interface Row {
  readonly fault: string;
  readonly requests: number;
  readonly answers: Readonly<Record<string, number>>;
  readonly acknowledged: number;
  readonly lost: number;
  /** Answers that were false, late, missing, or not allowed then. */
  readonly wrong: number;
  readonly longestMs: number;
  /** From the end of the fault to the first requests that worked; null: they never did. */
  readonly recoveredMs: number | null;
  /** Memory of the registry itself at the end. */
  readonly memoryBytes: number;
  readonly note?: string;
}

/** Keeps a row for the table at the end. */
export function record(row: Row): void {
  process.stderr.write(`${formatTable([row])}\n`);
  if (driveOptions.tableFile !== null) {
    appendFileSync(driveOptions.tableFile, `${JSON.stringify(row)}\n`);
  }
}

/** The rows as a table of Markdown, which is read as well on a terminal. */
export function formatTable(rows: readonly Row[]): string {
  const lines = [titles, ...rows.map(cellsOf)];
  const widths = titles.map((_, column) => Math.max(...lines.map((line) => wide(line, column))));
  const format = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const [head = [], ...body] = lines;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [format(head), rule, ...body.map(format)].join("\n");
}

// --- internal ---

const titles = [
  "fault",
  "requests",
  "answers",
  "acknowledged",
  "lost",
  "wrong",
  "longest wait",
  "recovered in",
  "memory",
];

const wide = (line: readonly string[], column: number): number => line[column]?.length ?? 0;

function cellsOf(row: Row): string[] {
  const answers = Object.entries(row.answers)
    .toSorted(([left], [right]) => left.localeCompare(right))
    .map(([outcome, count]) => `${outcome}: ${count}`);
  return [
    row.note === undefined ? row.fault : `${row.fault} (${row.note})`,
    String(row.requests),
    answers.join(", "),
    String(row.acknowledged),
    String(row.lost),
    String(row.wrong),
    `${(row.longestMs / 1000).toFixed(1)} s`,
    row.recoveredMs === null ? "never" : `${(row.recoveredMs / 1000).toFixed(2)} s`,
    `${(row.memoryBytes / 1024 ** 2).toFixed(0)} MiB`,
  ];
}
