import { describe, expect, it } from "bun:test";
import { createHistogram, record } from "../../../src/domain/histogram.ts";
import type { Metric } from "../../../src/ops/metrics/metric.ts";
import { createFigures, refusalsOf } from "../../../src/ops/status/figures.ts";
import { panels } from "../../../src/ops/status/panels.ts";

const told = { unit: "", description: "" };

/** Metrics that a test moves on. */
function createSource() {
  const gets = createHistogram([0.01, 0.1, 1]);
  const puts = createHistogram([0.01, 0.1, 1]);
  const now = { hits: 0, misses: 0, cpu: 0, notFound: 0, waiting: 0 };
  const request = (method: string, status: number) => ({
    "http.request.method": method,
    "http.response.status_code": status,
    "http.route": "/api/v1/metadata/{hash}",
  });
  const total = (name: string, value: number, attributes = {}): Metric => ({
    name,
    ...told,
    kind: "total",
    points: [{ attributes, value }],
  });
  const read = (): Metric[] => [
    {
      name: "http.server.request.duration",
      ...told,
      kind: "histogram",
      points: [
        { attributes: request("GET", 200), value: gets },
        { attributes: request("PUT", 503), value: puts },
      ],
    },
    total("registry.cache.hits", now.hits),
    total("registry.cache.misses", now.misses),
    total("process.cpu.time", now.cpu),
    total("registry.refusals", now.notFound, { code: "not_found" }),
    {
      name: "registry.queue.depth",
      ...told,
      kind: "level",
      points: [{ attributes: { kind: "stat" }, value: now.waiting }],
    },
  ];
  return { gets, puts, now, read };
}

describe("createFigures", () => {
  it("makes rates per second of what has grown since the reading before", () => {
    const { gets, now, read } = createSource();
    const figures = createFigures();
    record(gets, 0.005);
    now.notFound = 4;
    const first = figures(read(), 2);
    expect(first.get("answers-2xx")).toBe(0.5);
    expect(first.get("refusals")).toBe(2);
    for (let n = 0; n < 6; n += 1) record(gets, 0.005);
    now.cpu = 1.5;
    const second = figures(read(), 3);
    expect(second.get("answers-2xx")).toBe(2);
    expect(second.get("answers-5xx")).toBe(0);
    expect(second.get("cpu")).toBe(0.5);
    expect(second.get("refusals")).toBe(0);
  });

  it("counts refusals by code", () => {
    const { now, read } = createSource();
    const figures = createFigures();
    now.notFound = 3;
    figures(read(), 1);
    now.notFound = 8;
    expect(figures(read(), 2).get("refusals:not_found")).toBe(5);
    expect(refusalsOf(read())).toEqual(new Map([["not_found", 8]]));
  });

  it("tells times of what was answered meanwhile alone, downloads and uploads apart", () => {
    const { gets, puts, read } = createSource();
    const figures = createFigures();
    for (let n = 0; n < 1000; n += 1) record(gets, 0.5);
    figures(read(), 2);
    for (let n = 0; n < 10; n += 1) record(gets, 0.004);
    record(puts, 0.05);
    const found = figures(read(), 2);
    expect(found.get("download:p50")).toBeCloseTo(0.005, 12);
    expect(found.get("download:p99")).toBeLessThanOrEqual(0.01);
    expect(found.get("download:mean")).toBeCloseTo(0.004, 9);
    expect(found.get("upload:p50")).toBeCloseTo(0.055, 12);
  });

  it("knows no time and no ratio of nothing", () => {
    const { now, read } = createSource();
    const figures = createFigures();
    expect(figures(read(), 2).get("download:p99")).toBeNaN();
    now.hits = 3;
    now.misses = 1;
    expect(figures(read(), 2).get("cache-ratio")).toBe(0.75);
    expect(figures(read(), 2).get("cache-ratio")).toBeNaN();
  });

  it("gives levels as they are", () => {
    const { now, read } = createSource();
    now.waiting = 7;
    expect(createFigures()(read(), 2).get("waiting-reads")).toBe(7);
  });

  it("has every figure that a chart shows", () => {
    const found = createFigures()(createSource().read(), 2);
    const shown = panels.flatMap(({ lines }) => lines.map(({ figure }) => figure));
    expect(shown.filter((figure) => !found.has(figure))).toEqual([]);
    expect(new Set(shown).size).toBe(shown.length);
  });
});
