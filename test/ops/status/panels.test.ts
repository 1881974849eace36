import { describe, expect, it } from "bun:test";
import { colourOf, extremeOf, panels } from "../../../src/ops/status/panels.ts";

const style = await Bun.file(`${import.meta.dir}/../../../src/ops/status/page/status.css`).text();

describe("the panels", () => {
  it("have ids of their own, and colours that the style sheet has twice", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { lines } of panels) {
      const colours = lines.map(colourOf);
      expect(new Set(colours).size).toBe(lines.length);
      for (const colour of colours) {
        expect(style.match(new RegExp(`--${colour}: #`, "g"))).toHaveLength(2);
        expect(style).toContain(`.swatch.${colour} {`);
      }
    }
  });

  it("tell the highest value that is known, or the lowest", () => {
    const [panel] = panels;
    if (panel === undefined) throw new Error("no panel");
    expect(extremeOf(panel, [1, null, 3, 2])).toBe(3);
    expect(extremeOf({ ...panel, extreme: "lowest" }, [2, null, 1, 3])).toBe(1);
    expect(extremeOf(panel, [null])).toBeNull();
    expect(extremeOf(panel, [0])).toBe(0);
  });
});
