import { beforeEach, describe, expect, it } from "bun:test";
import { RegistryError } from "../../src/domain/errors.ts";
import { limits } from "../../src/domain/limits.ts";
import { beginSpan, errorTypeOf, type EndedSpan, type Span } from "../../src/tracing/span.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const parentSpanId = "b7ad6b7169203331";

let ended: EndedSpan[] = [];
beforeEach(() => {
  ended = [];
});

function begin(name = "first"): Span {
  const origin = { traceId, parentSpanId, traceState: "a=b" };
  return beginSpan((span) => void ended.push(span), origin, { name, kind: "server" });
}

describe("a span", () => {
  it("is told when it ends, once, with all it was given", () => {
    const span = begin();
    span.set("a", 1);
    span.link({ traceId, spanId: parentSpanId });
    span.rename("renamed");
    expect(ended).toEqual([]);
    span.end();
    span.end();
    expect(ended).toMatchObject([
      {
        traceId,
        spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
        name: "renamed",
        kind: "server",
        parentSpanId,
        isParentRemote: true,
        traceState: "a=b",
        attributes: { a: 1 },
        links: [{ traceId, spanId: parentSpanId }],
        error: null,
      },
    ]);
  });

  it("has its children below it, in the same trace, each of which may end after it", () => {
    const span = begin();
    const child = span.child("child", { attributes: { b: true } });
    span.end();
    child.child("grandchild").end();
    child.end();
    expect(ended.map(({ name }) => name)).toEqual(["first", "grandchild", "child"]);
    expect(ended[1]?.parentSpanId).toBe(child.spanId);
    expect(ended[2]).toMatchObject({
      traceId,
      parentSpanId: span.spanId,
      isParentRemote: false,
      kind: "internal",
      attributes: { b: true },
    });
  });

  it("tells the first failure", () => {
    const span = begin();
    span.fail("database_timeout");
    span.fail("other");
    span.end();
    expect(ended[0]?.error).toBe("database_timeout");
    expect(ended[0]?.attributes["error.type"]).toBe("database_timeout");
  });

  it("has the times it was given, on one clock with the others of its trace", () => {
    const now = performance.now();
    const span = begin();
    span.child("past", { startMs: now - 30 }).end(now - 10);
    span.child("backwards", { startMs: now }).end(now - 10);
    span.end();
    const [past, backwards, first] = ended;
    expect((past?.endMs ?? 0) - (past?.startMs ?? 0)).toBeCloseTo(20, 2);
    expect(backwards?.endMs).toBe(Number(backwards?.startMs));
    expect(first?.startMs).toBeGreaterThan(past?.endMs ?? Infinity);
    expect(Math.abs((first?.startMs ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it("may begin a trace that is another's", () => {
    begin().apart("batch").end();
    expect(ended[0]).toMatchObject({ parentSpanId: null, isParentRemote: false, traceState: null });
    expect(ended[0]?.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(ended[0]?.traceId).not.toBe(traceId);
  });

  it("is told no more often than a trace may have spans; how many are missing is", () => {
    const span = begin();
    for (let count = 1; count < limits.spansPerTraceMax; count += 1) span.child("child").end();
    span.child("omitted").child("omitted").end();
    span.end();
    expect(ended).toHaveLength(limits.spansPerTraceMax);
    expect(ended.at(-1)?.attributes).toEqual({ "registry.spans.omitted": 2 });
  });
});

describe("errorTypeOf", () => {
  it.each([
    ["corrupt_blob", new RegistryError("corrupt_blob", "secret")],
    ["ECONNRESET", Object.assign(new Error("secret"), { code: "ECONNRESET" })],
    ["Error", Object.assign(new Error("secret"), { code: "a secret" })],
    ["TypeError", new TypeError("secret")],
    ["_OTHER", "secret"],
    ["_OTHER", undefined],
  ])("is %s, and nothing else of what was thrown", (type, thrown) => {
    expect(errorTypeOf(thrown)).toBe(type);
  });
});
