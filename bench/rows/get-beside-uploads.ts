import { type Family } from "../load/blobs.ts";
import { startGenerator } from "../load/generator.ts";
import { freshNumber } from "../measure/bench.ts";
import { type Row } from "../measure/figure.ts";
import { startProduct } from "../measure/product.ts";
import { runSlice } from "../measure/slices.ts";
import { ratioOf, spreadOf } from "../measure/spread.ts";
import { createTables, store } from "../measure/stock.ts";
import { usText } from "../measure/text.ts";

const small: Family = { name: "beside", bytesTotal: 600 };
const large: Family = { name: "beside-large", bytesTotal: 64 * 1024 * 1024 };
const uploads = 16;
const ratePerSecond = 1000;
const settleMs = 300;

/** What small downloads feel of large uploads. */
export const getBesideUploads: Row = {
  name: "get-beside-uploads",
  async measure(bench) {
    await using stack = new AsyncDisposableStack();
    const server = await startProduct(bench, { keeps: await createTables(bench, stack) });
    stack.defer(() => server.stop());
    const uploader = startGenerator();
    stack.defer(() => uploader.stop());
    const count = Math.min(2000, bench.stockCount);
    await store(bench, server, { family: small, count });
    const ask = { kind: "get", family: small, count } as const;
    const side = { server, job: { connections: 64, ask, ratePerSecond } };
    const idle: number[] = [];
    const beside: number[] = [];
    const failures: string[] = [];
    await runSlice(bench, side, bench.sliceMs);
    for (let pair = 0; pair < Math.ceil(bench.pairs / 2); pair += 1) {
      const calm = await runSlice(bench, side, bench.sliceMs);
      const uploading = uploader.run({
        port: server.port,
        connections: uploads,
        ask: { kind: "post-new", family: large, first: freshNumber() },
        durationMs: settleMs + bench.sliceMs + settleMs,
        isCut: true,
      });
      await Bun.sleep(settleMs);
      const busy = await runSlice(bench, side, bench.sliceMs);
      failures.push(...calm.outcome.failures, ...busy.outcome.failures);
      failures.push(...(await uploading).failures);
      idle.push(calm.outcome.p99Us);
      beside.push(busy.outcome.p99Us);
    }
    return [
      {
        what: "GET, 600 B, 1,000/s, while 16 uploads of 64 MiB run: p99, to without",
        measured: `${usText(spreadOf(beside))} to ${usText(spreadOf(idle))}`,
        counts: ratioOf(beside, idle),
        unit: "×",
        target: { isAtMost: true, wanted: 5 },
        failures,
      },
    ];
  },
};
