import { describe, expect, it } from "bun:test";
import { createRareWarning } from "../../../src/ops/tracing/rare-warning.ts";

describe("a rare warning", () => {
  it("is told once, whatever it says, with what belongs to it", () => {
    const told: unknown[][] = [];
    const warn = createRareWarning({ warn: (...words) => void told.push(words) });
    warn("first", { a: 1 });
    warn("first", { a: 2 });
    warn("second");
    expect(told).toEqual([["first", { a: 1 }]]);
  });
});
