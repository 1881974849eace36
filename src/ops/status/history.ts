/** Columns of numbers over time: the newest samples, so many and no more. */
export interface History {
  /**
   * Adds a sample, taken at `timeMs`, which is later than the one before. What it has no value for
   * is NaN; so is, in earlier samples, what was not known then.
   */
  add(timeMs: number, values: ReadonlyMap<string, number>): void;
  /** The times of those after `sinceMs`, in order. */
  times(sinceMs?: number): number[];
  /** Their values of one name. */
  column(name: string, sinceMs?: number): number[];
  /** The value of the newest; NaN when there is none. */
  latest(name: string): number;
}

/**
 * A history that has seen nothing, of `samplesMax` samples: 8 bytes a sample and name, however long
 * it runs. The names come from a bounded set.
 */
export function createHistory(samplesMax: number): History {
  const times = new Float64Array(samplesMax);
  const columns = new Map<string, Float64Array>();
  let added = 0;

  function columnOf(name: string): Float64Array {
    let column = columns.get(name);
    if (column === undefined) {
      column = new Float64Array(samplesMax).fill(Number.NaN);
      columns.set(name, column);
    }
    return column;
  }

  /** Where those after `sinceMs` are, in order. */
  function places(sinceMs: number): number[] {
    const found: number[] = [];
    for (let n = Math.max(0, added - samplesMax); n < added; n += 1) {
      const place = n % samplesMax;
      if ((times[place] ?? 0) > sinceMs) found.push(place);
    }
    return found;
  }

  function take(column: Float64Array, sinceMs: number): number[] {
    return places(sinceMs).map((place) => column[place] ?? Number.NaN);
  }

  return {
    add(timeMs, values) {
      const place = added % samplesMax;
      times[place] = timeMs;
      for (const column of columns.values()) column[place] = Number.NaN;
      for (const [name, value] of values) columnOf(name)[place] = value;
      added += 1;
    },
    times: (sinceMs = -Infinity) => take(times, sinceMs),
    column: (name, sinceMs = -Infinity) => take(columnOf(name), sinceMs),
    latest: (name) =>
      added === 0 ? Number.NaN : (columns.get(name)?.[(added - 1) % samplesMax] ?? Number.NaN),
  };
}
