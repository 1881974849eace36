import { describe, expect, it } from "bun:test";
import { createHistogram, record, type Histogram } from "../../../src/domain/histogram.ts";
import type { Metric } from "../../../src/ops/metrics/metric.ts";
import { addUp, attributesOf, mergeOf, ofClass } from "../../../src/ops/status/reading.ts";

const described = { unit: "", description: "" };
const metrics: readonly Metric[] = [
  {
    name: "queue",
    ...described,
    kind: "level",
    points: [
      { attributes: { kind: "read" }, value: 2 },
      { attributes: { kind: "write" }, value: 5 },
    ],
  },
  { name: "refusals", ...described, kind: "total", points: [] },
  { name: "size", ...described, kind: "gauge", points: [] },
  {
    name: "build",
    ...described,
    kind: "gauge",
    points: [{ attributes: { version: "1.2.3" }, value: 1 }],
  },
  {
    name: "requests",
    ...described,
    kind: "histogram",
    points: [
      { attributes: { "http.response.status_code": 200 }, value: of(0.5, 1.5) },
      { attributes: { "http.response.status_code": 206 }, value: of(5) },
      { attributes: { "http.response.status_code": 503 }, value: of(0.25) },
    ],
  },
];

function of(...values: number[]): Histogram {
  const histogram = createHistogram([1, 2]);
  for (const value of values) record(histogram, value);
  return histogram;
}

describe("addUp", () => {
  it("is the sum of the points that are meant", () => {
    expect(addUp(metrics, "queue")).toBe(7);
    expect(addUp(metrics, "queue", ({ kind }) => kind === "write")).toBe(5);
  });

  it("is the number of values of a histogram", () => {
    expect(addUp(metrics, "requests")).toBe(4);
    expect(addUp(metrics, "requests", ofClass(2))).toBe(3);
    expect(addUp(metrics, "requests", ofClass(5))).toBe(1);
    expect(addUp(metrics, "requests", ofClass(4))).toBe(0);
  });

  it("is 0 for what was not counted yet, NaN for what nobody knows", () => {
    expect(addUp(metrics, "refusals")).toBe(0);
    expect(addUp(metrics, "size")).toBeNaN();
    expect(addUp(metrics, "nothing")).toBeNaN();
  });
});

describe("mergeOf", () => {
  it("adds histograms up, and leaves them as they are", () => {
    const merged = mergeOf(metrics, "requests", ofClass(2));
    expect(merged).toEqual({ bounds: [1, 2], counts: Float64Array.of(1, 1, 1), sum: 7 });
    merged.counts.fill(9);
    expect(addUp(metrics, "requests", ofClass(2))).toBe(3);
  });

  it("is empty where there is none", () => {
    expect(mergeOf(metrics, "nothing")).toEqual({ bounds: [], counts: Float64Array.of(0), sum: 0 });
    expect(mergeOf(metrics, "requests", ofClass(4)).counts).toEqual(Float64Array.of(0, 0, 0));
  });
});

describe("attributesOf", () => {
  it("are those of the only point", () => {
    expect(attributesOf(metrics, "build")).toEqual({ version: "1.2.3" });
    expect(attributesOf(metrics, "nothing")).toEqual({});
  });
});
