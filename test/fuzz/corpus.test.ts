import { describe, expect, it } from "bun:test";
import { fuzz, readCorpus, tryInput, type Target } from "./fuzzing.ts";
import { createRandom } from "../support/random.ts";
import { mutate } from "./mutations.ts";
import { targets } from "./targets.ts";

describe.each(targets.map((target) => [target.name, target] as const))("%s", (_name, target) => {
  it("reads its seeds and all of its corpus as it should", async () => {
    for (const [file, input] of readCorpus(target)) {
      expect({ file, way: typeof (await tryInput(target, input)) }).toEqual({
        file,
        way: "string",
      });
    }
    const run = await fuzz(target, { seconds: 0, seed: 1 });
    expect(run.finding).toBeNull();
    expect(run.tried).toBeGreaterThanOrEqual(target.seeds.length);
  });
});

describe("fuzz", () => {
  const brittle: Target = {
    name: "brittle",
    seeds: ["ab"],
    words: ["cd"],
    read(input) {
      const text = new TextDecoder().decode(input);
      if (text.includes("abcd")) throw new Error("not so");
      return text.includes("cd") ? "near" : "far";
    },
  };

  it("finds what is wrong, and finds it again by the same seed", async () => {
    const first = await fuzz(brittle, { seconds: 30, seed: 7 });
    const second = await fuzz(brittle, { seconds: 30, seed: 7 });
    expect(new TextDecoder().decode(first.finding?.input)).toContain("abcd");
    expect(second).toEqual(first);
  });

  it("makes inputs that are no longer than they may be", () => {
    const random = createRandom(3);
    const material = {
      inputs: [new Uint8Array(60).fill(7)],
      words: [new Uint8Array(9)],
      bytesMax: 64,
    };
    const inputs = Array.from({ length: 2000 }, () => mutate(material, random));
    expect(Math.max(...inputs.map(({ length }) => length))).toBe(64);
    expect(new Set(inputs.map((input) => Bun.hash(input))).size).toBeGreaterThan(1000);
  });
});
