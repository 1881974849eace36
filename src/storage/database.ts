import type { Bytes } from "../domain/bytes.ts";

/** What a statement may carry; never null, whose type a statement could not tell. */
export type Param = string | number | Bytes;

/** What a column of our tables comes back as; PostgreSQL's bigint as a string. */
export type Value = string | number | Bytes | null;

/** A row, its columns by name. */
export type Row = Readonly<Record<string, Value>>;

/** The rows of a statement, and how many rows it changed. */
export interface Rows extends ReadonlyArray<Row> {
  readonly count: number;
}

/** Runs one statement, its parameters written `$1`, `$2`, … */
export type Query = (text: string, params?: readonly Param[]) => Promise<Rows>;

/**
 * Which connections a statement uses. Apart, because the driver pipelines statements on a busy
 * connection, where a long one would hold up the short ones behind it. A single statement that
 * changes something runs in `write`; a transaction may run in any.
 */
export type Lane = (typeof lanes)[number];

export const lanes = ["read", "write", "stream", "health"] as const;

/** The words in which the two databases differ. */
export interface Dialect {
  readonly name: "postgres" | "sqlite";
  /** The type of bytes, and of an upload's identity, in a CAST. */
  readonly bytes: string;
  readonly uuid: string;
  /** The database's clock, as a column holds it. */
  readonly now: string;
  /** A time column as milliseconds since 1970. */
  epochMs(column: string): string;
  /** Joins `blobs b` whose hash begins with `prefix`: an index look-up for each row joined. */
  joinBlobs(prefix: string): string;
  /** Holds other migrating processes off until the transaction ends. */
  readonly migrationLock: string;
  /** Whether a table exists, as one row or none; `$1` is its name. */
  readonly tableExists: string;
  /** Whether an index exists and can be used, as one row or none; `$1` is its name. */
  readonly indexExists: string;
  /** As a transaction's first statement: nothing may be changed in it. */
  readonly readOnly: string;
  /** Ends a SELECT: nobody else may change its rows of `table` until the transaction ends. */
  holdRows(table: string): string;
  /** Whether a statement failed because somebody else stored a row under the same key meanwhile. */
  isConflict(thrown: unknown): boolean;
  /** Whether a call failed because the database could not be reached, or did not answer at all. */
  isUnreachable(thrown: unknown): boolean;
  /** Whether a statement failed because what it read is damaged on the database's disk. */
  isDamage(thrown: unknown): boolean;
}

/** How a transaction differs from the usual. */
export interface TransactionOptions {
  /** Neither it nor its statements have a deadline; waiting for a lock still has one. */
  readonly isUnbounded?: boolean;
}

/**
 * A database: statements in, rows out, every failure a RegistryError (`database_unavailable`,
 * `database_timeout`, `storage_full`, else the driver's error as it is), every call ended within
 * the statement deadline.
 */
export interface Database {
  readonly dialect: Dialect;
  /** How many statements each lane can have at work without one waiting for another. */
  readonly connections: Readonly<Record<Lane, number>>;
  query(lane: Lane, text: string, params?: readonly Param[]): Promise<Rows>;
  /** Runs `work` in one transaction, rolled back when it throws. */
  transaction<T>(
    lane: Lane,
    work: (query: Query) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T>;
  /** Gives up the connections of a lane, on which nobody answers, and what is under way on them. */
  renew(lane: Lane): void;
  /** Resolves once nothing is under way. */
  close(): Promise<void>;
}
