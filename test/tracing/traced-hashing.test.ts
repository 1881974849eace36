import { afterEach, beforeEach, describe, expect, it } from "bun:test";
import { createHashing } from "../../src/hashing/blake3.ts";
import { tracedHashing } from "../../src/tracing/traced-hashing.ts";
import { recordSpans, type RecordedSpans } from "../support/recorded-spans.ts";

describe("a traced hashing", () => {
  const inner = createHashing();
  const hashing = tracedHashing(inner);
  const bytes = new Uint8Array(1000);
  let spans: RecordedSpans;
  beforeEach(() => {
    spans = recordSpans();
  });
  afterEach(() => spans.stop());

  it("hashes as the one within does, and says what it is", () => {
    expect(hashing.hash(bytes)).toEqual(inner.hash(bytes));
    const hasher = hashing.createHasher();
    hasher.update(bytes);
    expect(hasher.digest()).toEqual(inner.hash(bytes));
    hasher.dispose();
    expect(hashing.implementation).toBe(inner.implementation);
    expect(spans.ended).toEqual([]);
  });

  it("records a hash", async () => {
    await spans.record("first", async () => hashing.hash(bytes));
    expect(spans.named("hash").attributes).toEqual({ "registry.hash.size": 1000 });
  });

  it("records one over pieces, once, also when it is given up", async () => {
    await spans.record("first", async () => {
      const whole = hashing.createHasher();
      whole.update(bytes);
      whole.update(bytes);
      expect(whole.digest()).toEqual(inner.hash(new Uint8Array(2000)));
      whole.dispose();
      const givenUp = hashing.createHasher();
      givenUp.update(bytes);
      givenUp.dispose();
    });
    const busy = { "registry.hash.busy": expect.any(Number) };
    expect(spans.names()).toEqual(["hash", "hash", "first"]);
    expect(spans.ended.slice(0, 2).map(({ attributes }) => attributes)).toEqual([
      { "registry.hash.size": 2000, ...busy },
      { "registry.hash.size": 1000, ...busy },
    ]);
  });
});
