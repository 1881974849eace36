import { describe, expect, it } from "bun:test";
import { traceIdOf } from "../../src/http/traceparent.ts";

const trace = "0af7651916cd43dd8448eb211c80319c";
const span = "b7ad6b7169203331";

function read(traceparent: string): string | null {
  return traceIdOf(new Headers({ traceparent }));
}

describe("traceIdOf", () => {
  it("is null where there is no traceparent", () => {
    expect(traceIdOf(new Headers())).toBeNull();
  });

  it.each([`00-${trace}-${span}-01`, `00-${trace}-${span}-00`, `cc-${trace}-${span}-01-more`])(
    "reads %s",
    (text) => {
      expect(read(text)).toBe(trace);
    },
  );

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
});
