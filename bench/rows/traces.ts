import { type Server } from "../measure/bench.ts";
import { type Row } from "../measure/figure.ts";
import { measureSwitched } from "../measure/switched.ts";

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
    return await measureSwitched(bench, {
      what: "GET, cached, 600 B, 64 connections: rate with 1 % traced, to without",
      family: { name: "traces", bytesTotal: 600 },
      on: { environment: { ...sampling, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url } },
      off: {},
      mustReach: 0.9,
      ready: async (server) => await untilExporting(server, receiver.exports),
    });
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
