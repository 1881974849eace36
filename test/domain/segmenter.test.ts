import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { limits } from "../../src/domain/limits.ts";
import { createSegmenter } from "../../src/domain/segmenter.ts";

const { segmentBytes } = limits;

describe("createSegmenter", () => {
  it("gives what was added, cut into full segments and a tail, however it came", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: segmentBytes + 1 }), { maxLength: 6 }),
        (sizes) => {
          const segmenter = createSegmenter();
          const given = sizes.map((size, index) => new Uint8Array(size).fill(index + 1));
          for (const piece of given) segmenter.add(piece);
          const full = segmenter.takeFull();
          const whole = Buffer.concat([...full, segmenter.tail()]);
          expect(whole.equals(Buffer.concat(given))).toBe(true);
          expect(full.every(({ length }) => length === segmentBytes)).toBe(true);
          expect(segmenter.tail().length).toBeLessThan(segmentBytes);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("gives each full segment once", () => {
    const segmenter = createSegmenter();
    segmenter.add(new Uint8Array(segmentBytes));
    expect(segmenter.takeFull()).toHaveLength(1);
    expect(segmenter.takeFull()).toEqual([]);
    expect(segmenter.tail()).toHaveLength(0);
  });

  it("keeps nothing of what it is given", () => {
    const segmenter = createSegmenter();
    const lent = new Uint8Array(10).fill(7);
    segmenter.add(lent);
    lent.fill(0);
    expect(segmenter.tail()).toEqual(new Uint8Array(10).fill(7));
  });

  it("takes little memory for little", () => {
    const segmenter = createSegmenter();
    segmenter.add(new Uint8Array(100));
    expect(segmenter.tail().buffer.byteLength).toBeLessThan(64 * 1024);
  });

  it("fills a segment again that it got back", () => {
    const segmenter = createSegmenter();
    segmenter.add(new Uint8Array(segmentBytes).fill(1));
    const [first] = segmenter.takeFull();
    if (first !== undefined) segmenter.reuse(first);
    segmenter.add(new Uint8Array(segmentBytes).fill(2));
    const [second] = segmenter.takeFull();
    expect(second).toBe(first);
    expect(second?.every((byte) => byte === 2)).toBe(true);
  });
});
