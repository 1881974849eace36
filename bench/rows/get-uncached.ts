import { type Family } from "../load/blobs.ts";
import { compareRates, startRivals } from "../measure/against-plain.ts";
import { checkSameDownloads } from "../measure/answers.ts";
import { type Row } from "../measure/figure.ts";
import { store } from "../measure/stock.ts";

const family: Family = { name: "get-uncached", bytesTotal: 600 };

/** Random blobs, half of them by their first 32 digits, out of PostgreSQL. */
export const getUncached: Row = {
  name: "get-uncached",
  async measure(bench) {
    await using stack = new AsyncDisposableStack();
    const rivals = await startRivals(bench, stack, { isShared: true, isUncached: true });
    const count = bench.stockCount;
    await store(bench, rivals.product, { family, count });
    await checkSameDownloads(rivals.product, rivals.plain, { family, numbers: [0, 1, count - 1] });
    await bench.postgres.query("VACUUM ANALYZE");
    const { figure } = await compareRates(bench, rivals, {
      what: "GET, no cache, random keys, half of them 32-hex, 64 connections: rate, to plain",
      job: { connections: 64, ask: { kind: "get", family, count, isMixed: true } },
      target: { mustReach: 1.5, wanted: 2 },
    });
    return [figure];
  },
};
