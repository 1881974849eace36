import type { Dialect, Param } from "./database.ts";

/** A column of a VALUES list: its name and the type to cast to. */
export interface Column {
  readonly name: string;
  readonly type: string;
}

/**
 * A common table expression `name(columns) AS (VALUES …)` of `rowCount` rows, its parameters
 * numbered from `$1` on. The casts of the first row give PostgreSQL the types of all.
 */
export function valuesTable(name: string, columns: readonly Column[], rowCount: number): string {
  const rows: string[] = [];
  let number = 0;
  for (let row = 0; row < rowCount; row += 1) {
    const cells = columns.map((column) => {
      number += 1;
      return row === 0 ? `CAST($${number} AS ${column.type})` : `$${number}`;
    });
    rows.push(`(${cells.join(", ")})`);
  }
  const names = columns.map((column) => column.name).join(", ");
  return `${name}(${names}) AS (VALUES ${rows.join(", ")})`;
}

/** Statement texts by dialect and number of rows, built once each: both are few. */
export function textsByRowCount(
  build: (dialect: Dialect, rowCount: number) => string,
): (dialect: Dialect, rowCount: number) => string {
  const known = new Map<string, string>();
  return (dialect, rowCount) => {
    const key = `${dialect.name} ${rowCount}`;
    let text = known.get(key);
    if (text === undefined) {
      text = build(dialect, rowCount);
      known.set(key, text);
    }
    return text;
  };
}

/**
 * Adds rows of `filler` to the parameters of `rowCount` rows, up to a power of two, so that a
 * connection prepares a handful of statements and not one for every number of rows.
 */
export function pad(params: Param[], rowCount: number, filler: readonly Param[]): void {
  for (let count = rowCount; count < paddedCount(rowCount); count += 1) params.push(...filler);
}

/** The least power of two that is at least `count`. */
export function paddedCount(count: number): number {
  return count <= 1 ? 1 : 2 ** (32 - Math.clz32(count - 1));
}
