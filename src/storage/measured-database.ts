import { RegistryError } from "../domain/errors.ts";
import { createHistogram, durationBounds, record, type Histogram } from "../domain/histogram.ts";
import { currentSpan } from "../tracing/current.ts";
import type { Database, Lane, Query, Rows } from "./database.ts";
import { operationOf, traceStatement, traceTransaction } from "./traced-statements.ts";

/** How long work of one kind took, in seconds. */
interface OperationSeries {
  readonly lane: Lane;
  /** What the statement does, its verb; TRANSACTION for a transaction as a whole, else OTHER. */
  readonly operation: string;
  /** What it failed with: a code of ours, or `other`; null: it did not. */
  readonly error: string | null;
  readonly durations: Histogram;
}

/** What a database was asked to do, in plain numbers. */
interface DatabaseCounts {
  /** All kinds that there were; their number is bounded. */
  series(): Iterable<OperationSeries>;
  /** Statements and transactions asked for and not ended. */
  readonly pending: Readonly<Record<Lane, number>>;
  /** Whether the last to end found no database. */
  isOut(): boolean;
}

/** A database, and what it was asked to do. */
export interface MeasuredDatabase extends Database {
  readonly counts: DatabaseCounts;
}

/** A skin around a database that counts and times what it is asked to do. */
export function measured(inner: Database): MeasuredDatabase {
  const known = new Map<string, OperationSeries>();
  const pending: Record<Lane, number> = { read: 0, write: 0, stream: 0, health: 0 };
  let isOut = false;

  function seriesOf(lane: Lane, operation: string, error: string | null): OperationSeries {
    const id = `${lane} ${operation} ${error}`;
    let series = known.get(id);
    if (series === undefined) {
      series = { lane, operation, error, durations: createHistogram(durationBounds) };
      known.set(id, series);
    }
    return series;
  }

  async function timed<T>(lane: Lane, operation: string, work: () => Promise<T>): Promise<T> {
    const startedMs = performance.now();
    let error: string | null = null;
    pending[lane] += 1;
    try {
      return await work();
    } catch (thrown) {
      error = errorNameOf(thrown);
      throw thrown;
    } finally {
      pending[lane] -= 1;
      isOut = error !== null && outNames.has(error);
      const { durations } = seriesOf(lane, operation, error);
      record(durations, (performance.now() - startedMs) / 1000);
    }
  }

  return {
    dialect: inner.dialect,
    connections: inner.connections,
    query(lane, text, params) {
      const operation = operationOf(text);
      const parent = currentSpan();
      const run = (): Promise<Rows> =>
        timed(lane, operation, () => inner.query(lane, text, params));
      return parent === null
        ? run()
        : traceStatement(inner, { operation, text, lane, parent }, run);
    },
    transaction(lane, work, options) {
      const parent = currentSpan();
      const run = <T>(inTransaction: (query: Query) => Promise<T>): Promise<T> =>
        timed(lane, "TRANSACTION", () => inner.transaction(lane, inTransaction, options));
      return parent === null
        ? run(work)
        : traceTransaction(inner, { lane, parent }, (traced) =>
            run((query) => work(traced(query))),
          );
    },
    renew: (lane) => inner.renew(lane),
    close: async () => await inner.close(),
    counts: { series: () => known.values(), pending, isOut: () => isOut },
  };
}

// --- internal ---

const errorNames: ReadonlySet<string> = new Set([
  "database_unavailable",
  "database_timeout",
  "storage_full",
  "upload_expired",
]);
const outNames: ReadonlySet<string> = new Set(["database_unavailable", "database_timeout"]);

function errorNameOf(thrown: unknown): string {
  return thrown instanceof RegistryError && errorNames.has(thrown.code) ? thrown.code : "other";
}
