import { describe, expect, it, jest } from "bun:test";
import { limits } from "../../../src/domain/limits.ts";
import type { Metric } from "../../../src/ops/metrics/metric.ts";
import { startSampler } from "../../../src/ops/status/sampler.ts";

let memory = 1;
const read = (): Metric[] => [
  {
    name: "process.memory.usage",
    unit: "By",
    description: "",
    kind: "level",
    points: [{ attributes: {}, value: memory }],
  },
];

describe("startSampler", () => {
  it("takes a sample every few seconds, keeps so many, and stops", () => {
    jest.useFakeTimers();
    const sampler = startSampler(read);
    try {
      jest.advanceTimersByTime(limits.statusSampleMs - 1);
      expect(sampler.history.times()).toEqual([]);
      jest.advanceTimersByTime(1);
      expect(sampler.history.column("memory")).toEqual([1]);
      for (memory = 2; memory <= limits.statusSamplesMax; memory += 1) {
        jest.advanceTimersByTime(limits.statusSampleMs);
      }
      expect(sampler.history.times()).toHaveLength(limits.statusSamplesMax);
      jest.advanceTimersByTime(limits.statusSampleMs);
      expect(sampler.history.times()).toHaveLength(limits.statusSamplesMax);
      expect(sampler.history.column("memory")[0]).toBe(2);
      sampler.stop();
      const kept = sampler.history.times();
      jest.advanceTimersByTime(10 * limits.statusSampleMs);
      expect(sampler.history.times()).toEqual(kept);
    } finally {
      sampler.stop();
      jest.useRealTimers();
    }
  });

  it("gives every sample a time of its own, later than the one before", () => {
    const sampler = startSampler(read);
    for (let n = 0; n < 50; n += 1) sampler.sample();
    sampler.stop();
    const times = sampler.history.times();
    expect(times.length).toBeGreaterThan(1);
    expect(times).toEqual([...new Set(times)].toSorted((a, b) => a - b));
  });
});
