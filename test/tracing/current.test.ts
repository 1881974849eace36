import { afterEach, beforeEach, describe, expect, it } from "bun:test";
import { beginTracing, currentSpan, isTracing, within } from "../../src/tracing/current.ts";
import { recordSpans, type RecordedSpans } from "../support/recorded-spans.ts";

describe("the current span, while nobody traces", () => {
  it("is none, also within one", () => {
    const spans = recordSpans();
    const span = spans.begin("a");
    spans.stop();
    expect(isTracing()).toBe(false);
    expect(within(span, () => currentSpan())).toBeNull();
  });
});

describe("the current span", () => {
  let spans: RecordedSpans;
  beforeEach(() => {
    spans = recordSpans();
  });
  afterEach(() => spans.stop());

  it("is the one that work is done within, over promises, timers and streams", async () => {
    const span = spans.begin("a");
    const body = within(
      span,
      () =>
        new ReadableStream<string>({
          async pull(controller) {
            await Bun.sleep(1);
            controller.enqueue(currentSpan()?.spanId ?? "none");
            controller.close();
          },
        }),
    );
    expect(currentSpan()).toBeNull();
    expect(await new Response(body.pipeThrough(new TextEncoderStream())).text()).toBe(span.spanId);
    const later = within(span, async () => {
      await Bun.sleep(1);
      return currentSpan();
    });
    expect(await later).toBe(span);
    expect(currentSpan()).toBeNull();
  });

  it("is each request's own", async () => {
    const all = [1, 2, 3].map((number) => spans.begin(String(number)));
    const seen = all.map((span, index) =>
      within(span, async () => {
        await Bun.sleep(3 - index);
        return currentSpan();
      }),
    );
    expect(await Promise.all(seen)).toEqual(all);
  });

  it("can be none within another", async () => {
    const inner = within(spans.begin("a"), () =>
      within(null, async () => {
        await Bun.sleep(1);
        return currentSpan();
      }),
    );
    expect(await inner).toBeNull();
  });

  it("is there until everybody who traces has ended", () => {
    const end = beginTracing();
    spans.stop();
    spans.stop();
    expect(isTracing()).toBe(true);
    end();
    expect(isTracing()).toBe(false);
  });
});
