import { describe, expect, it } from "bun:test";
import { createSamples } from "../../../../src/ops/status/page/samples.ts";

const create = () => createSamples({ windowMs: 100, gapMs: 20 });

describe("createSamples", () => {
  it("adds what is new to what was there", () => {
    const samples = create();
    samples.add([10, 20], { a: [1, 2] });
    samples.add([], {});
    samples.add([30], { a: [null] });
    expect(samples.times()).toEqual([10, 20, 30]);
    expect(samples.column("a")).toEqual([1, 2, null]);
  });

  it("does not have twice what is told again", () => {
    const samples = create();
    samples.add([10, 20, 30], { a: [1, 2, 3] });
    samples.add([20, 30, 40], { a: [5, 6, 7] });
    expect(samples.times()).toEqual([10, 20, 30, 40]);
    expect(samples.column("a")).toEqual([1, 5, 6, 7]);
  });

  it("begins anew with a registry whose clock is behind", () => {
    const samples = create();
    samples.add([1010, 1020], { a: [1, 2] });
    samples.add([30], { a: [3] });
    expect(samples.times()).toEqual([30]);
    expect(samples.column("a")).toEqual([3]);
  });

  it("breaks the line where nobody answered for longer than a while", () => {
    const samples = create();
    samples.add([10, 30], { a: [1, 2] });
    expect(samples.column("a")).toEqual([1, 2]);
    samples.add([51], { a: [3] });
    expect(samples.times()).toEqual([10, 30, 31, 51]);
    expect(samples.column("a")).toEqual([1, 2, null, 3]);
  });

  it("keeps what is younger than its time, and no more", () => {
    const samples = create();
    for (let n = 1; n <= 50; n += 1) samples.add([n * 10], { a: [n] });
    expect(samples.times()).toEqual([410, 420, 430, 440, 450, 460, 470, 480, 490, 500]);
    expect(samples.column("a")).toEqual([41, 42, 43, 44, 45, 46, 47, 48, 49, 50]);
  });

  it("does not know what it has not been told", () => {
    const samples = create();
    samples.add([10], { a: [1] });
    samples.add([20], { a: [2], b: [3] });
    samples.add([30], { b: [4] });
    expect(samples.column("a")).toEqual([1, 2, null]);
    expect(samples.column("b")).toEqual([null, 3, 4]);
    expect(samples.column("c")).toEqual([null, null, null]);
  });
});
