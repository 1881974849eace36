import { afterEach, describe, expect, it } from "bun:test";
import type { Log } from "../../../src/domain/log.ts";
import { openTraces, type Traces } from "../../../src/ops/tracing/traces.ts";
import type { TracesConfig } from "../../../src/ops/tracing/traces-config.ts";
import { currentSpan, isTracing } from "../../../src/tracing/current.ts";
import { startOtlpReceiver, type OtlpReceiver } from "../../support/otlp-receiver.ts";
import { eventually } from "../../support/registry.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

let receiver: OtlpReceiver | null = null;
let traces: Traces | null = null;
afterEach(async () => {
  await traces?.stop();
  await receiver?.stop();
  [traces, receiver] = [null, null];
});

function open(changes: Partial<TracesConfig["queue"]> = {}): Traces {
  receiver = startOtlpReceiver();
  const queue = { spansMax: 100, batchSpansMax: 50, delayMs: 20, exportMsMax: 1000, ...changes };
  traces = openTraces(
    {
      url: `${receiver.url}/v1/traces`,
      sampler: { isParentBased: true, ratio: 1 },
      continuesTraces: true,
      queue,
    },
    silent,
  );
  return traces;
}

/** Has a request recorded, from its beginning to its end. */
async function request({ requests }: Traces): Promise<void> {
  const asked = new Request("http://r/healthz");
  const span = requests?.begin(asked, performance.now()) ?? null;
  if (requests === null || span === null) throw new Error("it is not recorded");
  await requests.follow(span, {
    request: asked,
    respond: async () => new Response(currentSpan()?.traceId),
    kindOf: () => ({ method: "GET", route: "/healthz" }),
  });
}

describe("traces, while nobody is to be told", () => {
  it("are none, and cost nothing", async () => {
    traces = openTraces(null, silent);
    traces.begin();
    expect(traces.requests).toBeNull();
    expect(isTracing()).toBe(false);
    await traces.stop();
  });
});

describe("traces", () => {
  it("are exported, also those of before there was anything to export them with", async () => {
    const opened = open();
    await request(opened);
    opened.begin();
    await request(opened);
    await eventually(() => receiver?.spans().length === 4);
    await request(opened);
    await eventually(() => opened.counts.exported === 6);
    expect(opened.counts).toEqual({ exported: 6, dropped: 0, failed: 0 });
  });

  it("that wait when all ends are exported then, and nothing is traced any more", async () => {
    const opened = open();
    await request(opened);
    opened.begin();
    expect(isTracing()).toBe(true);
    await opened.stop();
    expect(receiver?.spans().map(({ name }) => name)).toEqual(["send", "GET /healthz"]);
    expect(isTracing()).toBe(false);
  });

  it("are dropped, counted, where too many wait", async () => {
    const opened = open({ spansMax: 3, batchSpansMax: 3 });
    for (let count = 0; count < 3; count += 1) await request(opened);
    expect(opened.counts.dropped).toBe(3);
    await opened.stop();
    expect(receiver?.spans()).toHaveLength(3);
  });
});
