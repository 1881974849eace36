import { type Family, keyOf } from "../load/blobs.ts";
import { answerBytes, download } from "../measure/answers.ts";
import { type Server } from "../measure/bench.ts";
import { type Row } from "../measure/figure.ts";
import { startProduct } from "../measure/product.ts";
import { alternate, headroomOf, nullRate } from "../measure/slices.ts";
import { ratioOf, spreadOf } from "../measure/spread.ts";
import { createTables, store } from "../measure/stock.ts";
import { perSecondText } from "../measure/text.ts";

const family: Family = { name: "traces", bytesTotal: 600 };
const job = { connections: 64, ask: { kind: "get", family, count: 1 } } as const;

/** One trace in a hundred, and nothing else by OTLP. */
const sampling = {
  OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
  OTEL_TRACES_SAMPLER_ARG: "0.01",
  OTEL_METRICS_EXPORTER: "none",
};

/** What tracing one request in a hundred costs, the exporting of their spans included. */
export const traces: Row = {
  name: "traces",
  async measure(bench) {
    await using stack = new AsyncDisposableStack();
    const receiver = startReceiver();
    stack.defer(() => receiver.stop());
    const keeps = await createTables(bench, stack);
    const start = async (environment: Readonly<Record<string, string>>): Promise<Server> => {
      const server = await startProduct(bench, { keeps, environment });
      stack.defer(() => server.stop());
      return server;
    };
    const traced = await start({ ...sampling, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
    const servers = [traced, await start({})] as const;
    await store(bench, traced, { family, count: 1 });
    await untilExporting(traced, receiver.exports);
    const [on, off] = await alternate(
      bench,
      servers.map((server) => ({ server, job })),
    );
    if (on === undefined || off === undefined) return [];
    const answer = answerBytes(await download(traced, keyOf(family, 0)));
    const most = await nullRate(bench, job, { answer, requestBytes: 0 });
    const untraced = receiver.exports() === 0 ? ["no span arrived"] : [];
    return [
      {
        what: "GET, cached, 600 B, 64 connections: rate with 1 % traced, to without",
        measured: [on, off].map((side) => perSecondText(spreadOf(side.perSecond))).join(" to "),
        counts: ratioOf(on.perSecond, off.perSecond),
        unit: "×",
        target: { mustReach: 0.9, wanted: 1 },
        headroom: headroomOf(most, [on, off]),
        failures: [...on.failures, ...off.failures, ...untraced],
      },
    ];
  },
};

// --- internal ---

/** What exports spans is loaded a second after the start, which is not what is measured. */
async function untilExporting({ port }: Server, exports: () => number): Promise<void> {
  const headers = { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` };
  while (exports() === 0) {
    await (await fetch(`http://127.0.0.1:${port}/healthz`, { headers })).arrayBuffer();
  }
}

/** Takes spans, and looks at none of them: that would cost what is measured. */
function startReceiver() {
  let exports = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      await request.arrayBuffer();
      exports += 1;
      return new Response(null);
    },
  });
  return {
    url: server.url.href,
    exports: () => exports,
    stop: async () => await server.stop(true),
  };
}
