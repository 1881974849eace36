import type { Span } from "../tracing/span.ts";
import { spanningBelow } from "../tracing/spanning.ts";
import type { Database, Lane, Query, Rows } from "./database.ts";

/** A database, as its spans name it. */
type NamedDatabase = Pick<Database, "dialect">;

/** What a statement is, for its span; of its parameters nothing is told. */
export interface Statement {
  /** Its verb; else `OTHER`. */
  readonly operation: string;
  readonly text: string;
  readonly lane: Lane;
}

/** Runs a statement as a span below `parent`, by OpenTelemetry's conventions for databases. */
export function traceStatement(
  { dialect }: NamedDatabase,
  { operation, text, lane, parent }: Statement & { readonly parent: Span },
  run: () => Promise<Rows>,
): Promise<Rows> {
  const table = tableOf(text);
  const summary = table === undefined ? operation : `${operation} ${table}`;
  const attributes = {
    ...attributesOf(dialect, lane),
    "db.operation.name": operation,
    "db.query.summary": summary,
    ...(table === undefined ? {} : { "db.collection.name": table }),
  };
  return spanningBelow(parent, { name: summary, kind: "client", attributes }, async (span) => {
    const rows = await run();
    if (operation === "SELECT") span.set("db.response.returned_rows", rows.length);
    return rows;
  });
}

/** Runs a transaction as a span below `parent`, and its statements as spans below that. */
export function traceTransaction<T>(
  { dialect }: NamedDatabase,
  { lane, parent }: { readonly lane: Lane; readonly parent: Span },
  run: (traced: (query: Query) => Query) => Promise<T>,
): Promise<T> {
  const attributes = { ...attributesOf(dialect, lane), "db.operation.name": transactionName };
  const options = { name: transactionName, kind: "client", attributes } as const;
  return spanningBelow(parent, options, (span) =>
    run(
      (query) => (text, params) =>
        traceStatement(
          { dialect },
          { operation: operationOf(text), text, lane, parent: span },
          () => query(text, params),
        ),
    ),
  );
}

/** What a statement does, its verb; else OTHER. */
export function operationOf(text: string): string {
  if (text.startsWith("WITH")) return changing.exec(text)?.[0] ?? "SELECT";
  return operations.find((operation) => text.startsWith(operation)) ?? "OTHER";
}

// --- internal ---

const transactionName = "TRANSACTION";
const operations = ["SELECT", "INSERT", "UPDATE", "DELETE"] as const;
const changing = /\b(?:INSERT|UPDATE|DELETE)\b/;
const tablePattern = /\b(?:FROM|INTO|UPDATE|JOIN)\s+([a-z]\w*)/g;

/** The first table that a statement names, and has not made by itself with WITH. */
function tableOf(text: string): string | undefined {
  const names = Array.from(text.matchAll(tablePattern), ([, name = ""]) => name);
  const isMade = (name: string): boolean =>
    new RegExp(`\\b${name}\\s*(?:\\([^)]*\\)\\s*)?AS\\s*\\(`).test(text);
  return names.find((name) => !isMade(name));
}

function attributesOf(dialect: Database["dialect"], lane: Lane) {
  return {
    "db.system.name": dialect.name === "postgres" ? "postgresql" : "sqlite",
    "registry.db.lane": lane,
  };
}
