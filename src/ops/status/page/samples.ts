/** What a page has heard of the last minutes. */
export interface Samples {
  /** Adds what the registry told; what it tells again, or tells anew, replaces what was there. */
  add(times: readonly number[], figures: Readonly<Record<string, readonly Value[]>>): void;
  /** In ms since 1970, in order. */
  times(): readonly number[];
  /** The values of one figure; null where it is not known, and where nobody answered. */
  column(figure: string): readonly Value[];
}

/** A figure, or null: not known. */
export type Value = number | null;

/** How long samples are kept, and after what pause a line is broken, in ms. */
export interface SamplesOptions {
  readonly windowMs: number;
  readonly gapMs: number;
}

/** No samples yet. They are bounded by their time, as they come at most so often. */
export function createSamples({ windowMs, gapMs }: SamplesOptions): Samples {
  let times: number[] = [];
  const columns = new Map<string, Value[]>();

  /** Keeps those from the place `start` to before `end`. */
  function keep(start: number, end: number): void {
    times = times.slice(start, end);
    for (const [name, column] of columns) columns.set(name, column.slice(start, end));
  }

  function columnOf(figure: string): Value[] {
    let column = columns.get(figure);
    if (column === undefined) {
      column = times.map(() => null);
      columns.set(figure, column);
    }
    return column;
  }

  function push(timeMs: number, valueOf: (figure: string) => Value): void {
    for (const [figure, column] of columns) column.push(valueOf(figure));
    times.push(timeMs);
  }

  return {
    add(newTimes, figures) {
      const [firstMs] = newTimes;
      if (firstMs === undefined) return;
      const end = times.findIndex((timeMs) => timeMs >= firstMs);
      if (end >= 0) keep(0, end);
      for (const figure of Object.keys(figures)) columnOf(figure);
      for (const [index, timeMs] of newTimes.entries()) {
        const beforeMs = times.at(-1);
        if (beforeMs !== undefined && timeMs - beforeMs > gapMs) push(beforeMs + 1, () => null);
        push(timeMs, (figure) => figures[figure]?.[index] ?? null);
      }
      const newestMs = newTimes.at(-1) ?? firstMs;
      keep(
        times.findIndex((timeMs) => timeMs > newestMs - windowMs),
        times.length,
      );
    },
    times: () => times,
    column: columnOf,
  };
}
