import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { readTraceparent, traceFieldsOf } from "../../src/http/traceparent.ts";
import { recordSpans } from "../support/recorded-spans.ts";

const trace = "0af7651916cd43dd8448eb211c80319c";
const span = "b7ad6b7169203331";

function read(traceparent: string) {
  return readTraceparent(new Headers({ traceparent }));
}

describe("readTraceparent", () => {
  it("is null where there is no traceparent", () => {
    expect(readTraceparent(new Headers())).toBeNull();
  });

  it.each([
    [`00-${trace}-${span}-01`, true],
    [`00-${trace}-${span}-00`, false],
    [`00-${trace}-${span}-fe`, false],
    [`00-${trace}-${span}-03`, true],
    [`cc-${trace}-${span}-01-more`, true],
  ])("reads %s", (text, isSampled) => {
    expect(read(text)).toEqual({ traceId: trace, parentId: span, isSampled });
  });

  it.each([
    "",
    `ff-${trace}-${span}-01`,
    `00-${"0".repeat(32)}-${span}-01`,
    `00-${trace}-${"0".repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${trace}-${span}-01-more`,
    `00-${trace}-${span}-01more`,
    `00-${trace}-${span}`,
    `00-${trace}-${span}-01, 00-${trace}-${span}-01`,
    `cc-${trace}-${span}-01.more`,
    `00-${trace.slice(1)}-${span}-01`,
  ])("does not believe %p", (text) => {
    expect(read(text)).toBeNull();
  });

  it("reads what it believes as it is written, whatever comes", () => {
    const near = fc.stringMatching(/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-x)?$/);
    fc.assert(
      fc.property(fc.oneof(near, fc.string({ unit: "binary-ascii" })), (text) => {
        if (!/^[\x21-\x7e]*$/.test(text)) return;
        const found = read(text);
        if (found === null) return;
        expect(text.slice(3, 35)).toBe(found.traceId);
        expect(text.slice(36, 52)).toBe(found.parentId);
      }),
    );
  });
});

describe("traceFieldsOf", () => {
  const headers = new Headers({ traceparent: `00-${trace}-${span}-01` });

  it("tells the trace of a request, and nothing where there is none", () => {
    expect(traceFieldsOf(headers)).toEqual({ trace_id: trace });
    expect(traceFieldsOf(new Headers())).toEqual({});
  });

  it("tells our own span where the request is recorded", async () => {
    const spans = recordSpans();
    const fields = await spans.record("first", async () => traceFieldsOf(headers));
    spans.stop();
    const { traceId, spanId } = spans.named("first");
    expect(fields).toEqual({ trace_id: traceId, span_id: spanId });
  });
});
