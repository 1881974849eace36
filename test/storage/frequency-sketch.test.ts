import { describe, expect, it } from "bun:test";
import { createFrequencySketch } from "../../src/storage/frequency-sketch.ts";

function keyOf(number: number): string {
  return new Bun.CryptoHasher("md5").update(String(number)).digest("hex");
}

describe("createFrequencySketch", () => {
  it("counts each key by itself while there are few, up to 15", () => {
    const sketch = createFrequencySketch(65_536);
    for (let number = 0; number < 20; number += 1) sketch.add(keyOf(number), number);
    const estimates = Array.from({ length: 20 }, (_, number) => sketch.estimate(keyOf(number)));
    expect(estimates).toEqual(Array.from({ length: 20 }, (_, number) => Math.min(15, number)));
  });

  it("knows nothing of keys it was not told of", () => {
    const sketch = createFrequencySketch(65_536);
    for (let number = 0; number < 1000; number += 1) sketch.add(keyOf(number), 3);
    expect(sketch.estimate(keyOf(5000))).toBe(0);
  });

  it("takes no more than it may, and at least 64 bytes", () => {
    expect(createFrequencySketch(65_536).bytes).toBe(65_536);
    expect(createFrequencySketch(65_535).bytes).toBe(32_768);
    expect(createFrequencySketch(0).bytes).toBe(64);
  });

  it("lets what was popular once fade as other keys come", () => {
    const sketch = createFrequencySketch(65_536);
    sketch.add(keyOf(0), 15);
    for (let number = 1; number < 8 * 16_384 + 100; number += 1) sketch.add(keyOf(number), 1);
    expect(sketch.estimate(keyOf(0))).toBe(7);
  });

  it("halves every count by itself, however full the table is", () => {
    const sketch = createFrequencySketch(64);
    const keys = Array.from({ length: 8 }, (_, number) => keyOf(number));
    for (const key of keys) sketch.add(key, 15);
    for (const key of keys) sketch.add(key, 1);
    expect(keys.map((key) => sketch.estimate(key))).toEqual(keys.map(() => 7));
  });

  it("forgets everything when cleared", () => {
    const sketch = createFrequencySketch(65_536);
    sketch.add(keyOf(1), 5);
    sketch.clear();
    expect(sketch.estimate(keyOf(1))).toBe(0);
  });
});
