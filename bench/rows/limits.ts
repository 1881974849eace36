import { type Family, keyOf } from "../load/blobs.ts";
import { answerBytes, download } from "../measure/answers.ts";
import { type Server } from "../measure/bench.ts";
import { type Row } from "../measure/figure.ts";
import { startProduct } from "../measure/product.ts";
import { alternate, headroomOf, nullRate } from "../measure/slices.ts";
import { ratioOf, spreadOf } from "../measure/spread.ts";
import { createTables, store } from "../measure/stock.ts";
import { perSecondText } from "../measure/text.ts";

const family: Family = { name: "limits", bytesTotal: 600 };
const job = { connections: 64, ask: { kind: "get", family, count: 1 } } as const;

/** More than this machine can answer, so that nobody is refused. */
const limited = {
  REGISTRY_RATE_LIMIT_READS: "10000000/s",
  REGISTRY_RATE_LIMIT_UPLOADS: "1000000/s",
};

/** What a limit on reads costs those who keep to it. */
export const limits: Row = {
  name: "limits",
  async measure(bench) {
    const what = "GET, cached, 600 B, 64 connections: rate with rate limits, to without";
    if (!bench.product.flags.has("rate-limit-reads")) {
      return [{ what, measured: "", skipped: "this registry has no --rate-limit-reads" }];
    }
    await using stack = new AsyncDisposableStack();
    const keeps = await createTables(bench, stack);
    const start = async (environment: Readonly<Record<string, string>>): Promise<Server> => {
      const server = await startProduct(bench, { keeps, environment });
      stack.defer(() => server.stop());
      return server;
    };
    const servers = [await start(limited), await start({})] as const;
    await store(bench, servers[0], { family, count: 1 });
    const sides = servers.map((server) => ({ server, job }));
    const [on, off] = await alternate(bench, sides);
    if (on === undefined || off === undefined) return [];
    const answer = answerBytes(await download(servers[1], keyOf(family, 0)));
    const most = await nullRate(bench, job, { answer, requestBytes: 0 });
    return [
      {
        what,
        measured: [on, off].map((side) => perSecondText(spreadOf(side.perSecond))).join(" to "),
        counts: ratioOf(on.perSecond, off.perSecond),
        unit: "×",
        target: { mustReach: 0.97, wanted: 1 },
        headroom: headroomOf(most, [on, off]),
        failures: [...on.failures, ...off.failures],
      },
    ];
  },
};
