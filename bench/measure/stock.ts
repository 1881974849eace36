import { type TestDatabase } from "../../test/support/postgres.ts";
import { type Family } from "../load/blobs.ts";
import { type Bench, type Server } from "./bench.ts";
import { startProduct } from "./product.ts";

/** How long storing a stock may take at most. */
const storeMsMax = 120_000;

/** Uploads blobs 0 to `count` - 1 of a family. @throws Error when one is not taken */
export async function store(
  { generator }: Bench,
  server: Server,
  { family, count }: { readonly family: Family; readonly count: number },
): Promise<void> {
  const { answered, failures } = await generator.run({
    port: server.port,
    connections: Math.min(64, count),
    ask: { kind: "post-known", family, count },
    once: count,
    durationMs: storeMsMax,
  });
  if (answered === count && failures.length === 0) return;
  throw new Error(`of ${count} blobs ${answered} were taken: ${failures.join("; ")}`);
}

/** A new database with the product's tables, which ends with `stack`. */
export async function createTables(
  bench: Bench,
  stack: AsyncDisposableStack,
): Promise<TestDatabase> {
  const database = await bench.postgres.createDatabase();
  stack.defer(() => database.drop());
  const server = await startProduct(bench, { keeps: database });
  await server.stop();
  return database;
}
