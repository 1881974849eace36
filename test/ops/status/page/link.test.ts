import { describe, expect, it } from "bun:test";
import { describeSilence, linkTexts } from "../../../../src/ops/status/page/link.ts";

describe("the link", () => {
  it("says how long nothing was heard, only while nothing is", () => {
    expect(describeSilence("silent", 12_300).replaceAll("\u00a0", " ")).toBe("No answer for 12 s.");
    expect(describeSilence("up", 12_300)).toBe("");
    expect(describeSilence("starting", 12_300)).toBe("");
  });

  it("says nothing where all is well", () => {
    expect(linkTexts.up).toBe("");
    expect(linkTexts.stopping).toContain("stopping");
  });
});
