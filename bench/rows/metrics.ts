import { type Family, keyOf } from "../load/blobs.ts";
import { answerBytes, download } from "../measure/answers.ts";
import { type Server } from "../measure/bench.ts";
import { type Row } from "../measure/figure.ts";
import { startProduct } from "../measure/product.ts";
import { alternate, headroomOf, nullRate } from "../measure/slices.ts";
import { ratioOf, spreadOf } from "../measure/spread.ts";
import { createTables, store } from "../measure/stock.ts";
import { perSecondText } from "../measure/text.ts";

const family: Family = { name: "metrics", bytesTotal: 600 };
const job = { connections: 64, ask: { kind: "get", family, count: 1 } } as const;

/** What measuring itself costs. */
export const metrics: Row = {
  name: "metrics",
  async measure(bench) {
    const what = "GET, cached, 600 B, 64 connections: rate with metrics, to without";
    if (!bench.product.flags.has("metrics-port")) {
      return [{ what, measured: "", skipped: "this registry has no --metrics-port" }];
    }
    await using stack = new AsyncDisposableStack();
    const keeps = await createTables(bench, stack);
    const start = async (hasMetrics: boolean): Promise<Server> => {
      const server = await startProduct(bench, { keeps, hasMetrics });
      stack.defer(() => server.stop());
      return server;
    };
    const servers = [await start(true), await start(false)] as const;
    await store(bench, servers[0], { family, count: 1 });
    const sides = servers.map((server) => ({ server, job }));
    const [on, off] = await alternate(bench, sides);
    if (on === undefined || off === undefined) return [];
    const answer = answerBytes(await download(servers[0], keyOf(family, 0)));
    const most = await nullRate(bench, job, { answer, requestBytes: 0 });
    return [
      {
        what,
        measured: [on, off].map((side) => perSecondText(spreadOf(side.perSecond))).join(" to "),
        counts: ratioOf(on.perSecond, off.perSecond),
        unit: "×",
        target: { mustReach: 0.95, wanted: 1 },
        headroom: headroomOf(most, [on, off]),
        failures: [...on.failures, ...off.failures],
      },
    ];
  },
};
