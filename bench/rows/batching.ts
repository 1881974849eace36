import { type Family } from "../load/blobs.ts";
import { compareRates } from "../measure/against-plain.ts";
import { type Row } from "../measure/figure.ts";
import { startProduct } from "../measure/product.ts";
import { startUnbatched } from "../measure/programs.ts";
import { createTables, store } from "../measure/stock.ts";

const fresh: Family = { name: "batching-new", bytesTotal: 500 };
const kept: Family = { name: "batching-kept", bytesTotal: 600 };

/** The registry with its batches and without: uploads and reads, no cache on either side. */
export const batching: Row = {
  name: "batching",
  async measure(bench) {
    await using stack = new AsyncDisposableStack();
    const tables = await createTables(bench, stack);
    const product = await startProduct(bench, { keeps: tables, isUncached: true });
    stack.defer(() => product.stop());
    const plain = await startUnbatched(tables);
    stack.defer(() => plain.stop());
    const count = bench.stockCount;
    await store(bench, product, { family: kept, count });
    const uploads = await compareRates(
      bench,
      { product, plain },
      {
        what: "POST, 500 B, new blobs, 128 connections: rate, to the registry without batches",
        job: { connections: 128, ask: { kind: "post-new", family: fresh, first: 0 } },
      },
    );
    await bench.postgres.query("VACUUM ANALYZE");
    const reads = await compareRates(
      bench,
      { product, plain },
      {
        what: "GET, no cache, random keys, 64 connections: rate, to the registry without batches",
        job: { connections: 64, ask: { kind: "get", family: kept, count, isMixed: true } },
      },
    );
    return [uploads.figure, reads.figure];
  },
};
