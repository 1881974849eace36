import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { newSpanId, newTraceId, newTraceIdOf, wordOf } from "../../src/tracing/ids.ts";

describe("identities", () => {
  it("are as long as they must be, and never the same", () => {
    expect(newTraceId()).toMatch(/^[0-9a-f]{32}$/);
    expect(newSpanId()).toMatch(/^[0-9a-f]{16}$/);
    const many = Array.from({ length: 1000 }, newSpanId);
    expect(new Set(many).size).toBe(many.length);
  });

  it("can be made of a word, which is found in them again", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 32 - 1), (word) => {
        const id = newTraceIdOf(word);
        expect(id).toMatch(/^[0-9a-f]{32}$/);
        expect(wordOf(id)).toBe(word);
      }),
    );
  });
});
