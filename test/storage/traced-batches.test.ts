import { afterEach, beforeEach, describe, expect, it } from "bun:test";
import { createBatchCounts } from "../../src/storage/batch-counts.ts";
import { createBatcher, type Batcher } from "../../src/storage/batcher.ts";
import { currentSpan, within } from "../../src/tracing/current.ts";
import { recordSpans, type RecordedSpans } from "../support/recorded-spans.ts";

describe("the batches of requests that are recorded", () => {
  let spans: RecordedSpans;
  /** Holds the first batch up, so that what comes next is one. */
  let gate: PromiseWithResolvers<void>;
  let batcher: Batcher<string, string>;
  beforeEach(() => {
    spans = recordSpans();
    gate = Promise.withResolvers();
    batcher = createBatcher<string, string>({
      kind: "write",
      lanes: 1,
      itemsMax: 10,
      bytesMax: 100,
      queueItemsMax: 10,
      itemMsMax: 60_000,
      counts: createBatchCounts().write,
      bytesOf: () => 1,
      async run(items) {
        if (items.includes("gate")) await gate.promise;
        currentSpan()
          ?.child(`statement ${items.join(" ")}`)
          .end();
        return items;
      },
    });
  });
  afterEach(() => spans.stop());

  /** Submits an item as a request that is recorded. */
  async function recorded(item: string): Promise<void> {
    await spans.record(item, async () => void (await batcher.submit(item)));
  }

  const named = (name: string) => spans.ended.filter((span) => span.name === name);

  it("lie below the request where one alone is recorded, though others are in them", async () => {
    const first = batcher.submit("gate");
    const others = [batcher.submit("b"), recorded("a"), batcher.submit("c")];
    gate.resolve();
    await Promise.all([first, ...others]);
    const request = spans.named("a");
    expect(spans.named("queue wait")).toMatchObject({ parentSpanId: request.spanId });
    expect(named("batch write")).toMatchObject([
      {
        traceId: request.traceId,
        parentSpanId: request.spanId,
        attributes: { "registry.batch.kind": "write", "registry.batch.size": 3 },
        links: [{ spanId: request.spanId }],
      },
    ]);
    const statement = spans.named("statement b a c");
    expect(statement.parentSpanId).toBe(spans.named("batch write").spanId);
    expect(spans.ended.every(({ traceId }) => traceId === request.traceId)).toBe(true);
  });

  it("are traces of their own where several are, each leading to the other", async () => {
    const first = batcher.submit("gate");
    const others = [recorded("a"), batcher.submit("b"), recorded("c")];
    gate.resolve();
    await Promise.all([first, ...others]);
    const requests = [spans.named("a"), spans.named("c")];
    const own = named("batch write").find(({ parentSpanId }) => parentSpanId === null);
    if (own === undefined) throw new Error("no batch has a trace of its own");
    expect(requests.map(({ traceId }) => traceId)).not.toContain(own.traceId);
    expect(own.links.map(({ traceId, spanId }) => ({ traceId, spanId }))).toEqual(
      requests.map(({ traceId, spanId }) => ({ traceId, spanId })),
    );
    expect(spans.named("statement a b c")).toMatchObject({
      traceId: own.traceId,
      parentSpanId: own.spanId,
    });
    for (const { traceId, spanId } of requests) {
      const beside = named("batch write").find((span) => span.parentSpanId === spanId);
      expect(beside).toMatchObject({
        traceId,
        attributes: { "registry.batch.size": 3 },
        links: [{ traceId: own.traceId, spanId: own.spanId }],
      });
    }
  });

  it("do not go on in the trace of whoever set their lane to work", async () => {
    const first = recorded("gate");
    const second = batcher.submit("b");
    gate.resolve();
    await Promise.all([first, second]);
    expect(named("statement b")).toEqual([]);
    expect(spans.named("statement gate").traceId).toBe(spans.named("gate").traceId);
    // And also not in one that nobody submitted for.
    await within(null, () => batcher.submit("c"));
    expect(named("statement c")).toEqual([]);
  });
});
