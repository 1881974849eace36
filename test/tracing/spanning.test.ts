import { afterEach, beforeEach, describe, expect, it } from "bun:test";
import { RegistryError } from "../../src/domain/errors.ts";
import { spanning } from "../../src/tracing/spanning.ts";
import { recordSpans, type RecordedSpans } from "../support/recorded-spans.ts";

describe("spanning", () => {
  let spans: RecordedSpans;
  beforeEach(() => {
    spans = recordSpans();
  });
  afterEach(() => spans.stop());

  it("does the work and records nothing where nothing is recorded", () => {
    expect(spanning("parse", () => 1)).toBe(1);
    expect(spans.ended).toEqual([]);
  });

  it("ends with the work, or with what it promised", async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    await spans.record("first", async () => {
      expect(spanning("parse", () => 1)).toBe(1);
      const waiting = spanning("wait", () => promise);
      expect(spans.names()).toEqual(["parse"]);
      resolve(2);
      expect(await waiting).toBe(2);
    });
    expect(spans.names()).toEqual(["parse", "wait", "first"]);
    expect(spans.named("wait").parentSpanId).toBe(spans.named("first").spanId);
  });

  it("passes on what is thrown, of which a code is told and no more", async () => {
    const failure = new RegistryError("bare_line_feed", "secret");
    await spans.record("first", async () => {
      const thrown = () =>
        spanning("parse", () => {
          throw failure;
        });
      expect(thrown).toThrow(failure);
      const rejected = spanning("wait", async () => await Promise.reject(failure));
      expect(await rejected.catch((error: unknown) => error)).toBe(failure);
    });
    for (const name of ["parse", "wait"]) expect(spans.named(name).error).toBe("bare_line_feed");
    expect(JSON.stringify(spans.ended)).not.toContain("secret");
  });
});
