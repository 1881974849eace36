import { describe, expect, it } from "bun:test";
import { ROOT_CONTEXT } from "@opentelemetry/api";
import { SamplingDecision, TraceIdRatioBasedSampler } from "@opentelemetry/sdk-trace";
import fc from "fast-check";
import { newTraceIdOf } from "../../src/tracing/ids.ts";
import { createSampler } from "../../src/tracing/sampler.ts";

const ratios = fc.oneof(
  fc.constantFrom(0, 1e-10, 0.01, 0.5, 0.999999, 1),
  fc.double({ min: 0, max: 1, noNaN: true }),
);
const traceIds = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => bytes.toHex())
  .filter((id) => !/^0+$/.test(id));
/** Ratios, each with a trace that its bound just takes in, or just not. */
const edges = fc.tuple(ratios, fc.integer({ min: -2, max: 2 })).map(([ratio, off]) => {
  const word = Math.floor(ratio * (2 ** 32 - 1)) + off;
  return [ratio, newTraceIdOf(Math.min(2 ** 32 - 1, Math.max(0, word)))] as const;
});

/** What OpenTelemetry's SDK decides of a trace. */
function sdkSamples(ratio: number, traceId: string): boolean {
  const { decision } = new TraceIdRatioBasedSampler(ratio).shouldSample(ROOT_CONTEXT, traceId);
  return decision === SamplingDecision.RECORD_AND_SAMPLED;
}

describe("a sampler by ratio", () => {
  it("decides of a trace as OpenTelemetry's SDK does, whatever came with it", () => {
    fc.assert(
      fc.property(
        fc.oneof(edges, fc.tuple(ratios, traceIds)),
        fc.boolean(),
        ([ratio, traceId], isSampled) => {
          const sampler = createSampler({ isParentBased: false, ratio });
          expect(sampler.continues(traceId, isSampled)).toBe(sdkSamples(ratio, traceId));
        },
      ),
    );
  });

  it("begins only traces that others with its ratio would record, all different", () => {
    fc.assert(
      fc.property(ratios, (ratio) => {
        const sampler = createSampler({ isParentBased: true, ratio });
        const begun = Array.from({ length: 100 }, () => sampler.begins());
        const ids = begun.filter((id) => id !== null);
        for (const id of ids) {
          expect(id).toMatch(/^[0-9a-f]{32}$/);
          expect(sdkSamples(ratio, id)).toBe(true);
        }
        expect(new Set(ids).size).toBe(ids.length);
      }),
    );
  });

  it("records about the part that it is to", () => {
    const sampler = createSampler({ isParentBased: true, ratio: 0.25 });
    const begun = Array.from({ length: 10_000 }, () => sampler.begins());
    const part = begun.filter((id) => id !== null).length / begun.length;
    expect(part).toBeGreaterThan(0.2);
    expect(part).toBeLessThan(0.3);
  });

  it("records all with 1, none with 0", () => {
    const all = createSampler({ isParentBased: false, ratio: 1 });
    const none = createSampler({ isParentBased: false, ratio: 0 });
    for (let count = 0; count < 1000; count += 1) {
      expect(all.begins()).not.toBeNull();
      expect(none.begins()).toBeNull();
    }
    expect(all.continues("f".repeat(32), false)).toBe(true);
    expect(none.continues(`${"0".repeat(31)}1`, true)).toBe(false);
  });
});

describe("a sampler by parents", () => {
  it("records a trace where whoever began it does, whatever its ratio", () => {
    fc.assert(
      fc.property(ratios, traceIds, fc.boolean(), (ratio, traceId, isSampled) => {
        const sampler = createSampler({ isParentBased: true, ratio });
        expect(sampler.continues(traceId, isSampled)).toBe(isSampled);
      }),
    );
  });
});
