import { type Family } from "../load/blobs.ts";
import { type Row } from "../measure/figure.ts";
import { anonymousBytesOf } from "../measure/proc.ts";
import { startProduct } from "../measure/product.ts";
import { createTables, store } from "../measure/stock.ts";

const family: Family = { name: "cache-memory", bytesTotal: 600 };
/** Long enough for the first answers' garbage to go. */
const settleMs = 1000;

/** What a cached blob costs the registry: its growth from an empty cache to one with many. */
export const cacheMemory: Row = {
  name: "cache-memory",
  async measure(bench) {
    const what = "memory per cached blob of 600 B";
    if (!bench.product.flags.has("cache-size")) {
      return [{ what, measured: "", skipped: "this registry has no --cache-size" }];
    }
    await using stack = new AsyncDisposableStack();
    const keeps = await createTables(bench, stack);
    const count = bench.stockCount;
    const writer = await startProduct(bench, { keeps, isUncached: true });
    stack.defer(() => writer.stop());
    await store(bench, writer, { family, count });
    const grown: number[] = [];
    const failures: string[] = [];
    for (const isUncached of [false, true]) {
      const server = await startProduct(bench, { keeps, isUncached });
      stack.defer(() => server.stop());
      const ask = { kind: "get", family, count } as const;
      const before = anonymousBytesOf(server.pids());
      const job = { port: server.port, connections: 16, ask, once: count, durationMs: 60_000 };
      const { answered, failures: wrong } = await bench.generator.run(job);
      if (answered < count) failures.push(`only ${answered} of ${count} were read`);
      failures.push(...wrong);
      await Bun.sleep(settleMs);
      grown.push(anonymousBytesOf(server.pids()) - before);
    }
    const [cached = 0, uncached = 0] = grown.map((bytes) => Math.round(bytes / count));
    const how = `grown by ${cached} B with, ${uncached} B without a cache`;
    const measured = `${cached - uncached} B (${how})`;
    return [{ what, measured, failures }];
  },
};
