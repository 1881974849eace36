import { describe, expect, it } from "bun:test";
import { createHistory } from "../../../src/ops/status/history.ts";

const values = (entries: Record<string, number>): Map<string, number> =>
  new Map(Object.entries(entries));

describe("createHistory", () => {
  it("gives back what was added, in order", () => {
    const history = createHistory(3);
    expect(history.times()).toEqual([]);
    expect(history.latest("a")).toBeNaN();
    history.add(10, values({ a: 1 }));
    history.add(20, values({ a: 2 }));
    expect(history.times()).toEqual([10, 20]);
    expect(history.column("a")).toEqual([1, 2]);
    expect(history.latest("a")).toBe(2);
  });

  it("keeps as many as it may, and the newest of them", () => {
    const history = createHistory(3);
    for (let n = 1; n <= 3; n += 1) history.add(n, values({ a: n }));
    expect(history.times()).toEqual([1, 2, 3]);
    for (let n = 4; n <= 8; n += 1) history.add(n, values({ a: n }));
    expect(history.times()).toEqual([6, 7, 8]);
    expect(history.column("a")).toEqual([6, 7, 8]);
    expect(history.latest("a")).toBe(8);
  });

  it("gives only those after a time", () => {
    const history = createHistory(3);
    for (let n = 1; n <= 5; n += 1) history.add(n, values({ a: n }));
    expect(history.times(3)).toEqual([4, 5]);
    expect(history.column("a", 3)).toEqual([4, 5]);
    expect(history.column("a", 5)).toEqual([]);
  });

  it("has NaN where there was no value, before a name was known and when it has gone", () => {
    const history = createHistory(2);
    history.add(1, values({ a: 1 }));
    history.add(2, values({ b: 2 }));
    expect(history.column("a")).toEqual([1, Number.NaN]);
    expect(history.column("b")).toEqual([Number.NaN, 2]);
    expect(history.column("c")).toEqual([Number.NaN, Number.NaN]);
    // The place of the first is taken again: nothing of it is left.
    history.add(3, values({ b: 3 }));
    expect(history.column("a")).toEqual([Number.NaN, Number.NaN]);
  });
});
