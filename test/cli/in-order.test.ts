import { describe, expect, it } from "bun:test";
import { eachInOrder } from "../../src/cli/in-order.ts";

describe("eachInOrder", () => {
  it("hands on results in the order of the items, each as soon as it can", async () => {
    const gates = Array.from({ length: 4 }, () => Promise.withResolvers<string>());
    const taken: string[] = [];
    const working = eachInOrder({
      items: [0, 1, 2, 3],
      atOnce: 4,
      work: async (item) => (await gates[item]?.promise) ?? "",
      take: (result) => void taken.push(result),
    });
    const open = async (item: number): Promise<void> => {
      gates[item]?.resolve(`result ${item}`);
      await Bun.sleep(0);
    };
    await open(2);
    expect(taken).toEqual([]);
    await open(0);
    expect(taken).toEqual(["result 0"]);
    await open(1);
    expect(taken).toEqual(["result 0", "result 1", "result 2"]);
    await open(3);
    await working;
    expect(taken).toHaveLength(4);
  });

  it("works on so many at once, and no more", async () => {
    let underWay = 0;
    let most = 0;
    await eachInOrder({
      items: Array.from({ length: 20 }, (_, index) => index),
      atOnce: 3,
      async work() {
        underWay += 1;
        most = Math.max(most, underWay);
        await Bun.sleep(0);
        underWay -= 1;
      },
      take: () => {},
    });
    expect(most).toBe(3);
  });

  it("has nothing to do for no items", async () => {
    await eachInOrder({ items: [], atOnce: 3, work: async () => {}, take: () => {} });
  });

  it("begins nothing after a failure, and throws it once the others have ended", async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const working = eachInOrder({
      items: [0, 1, 2, 3],
      atOnce: 2,
      async work(item) {
        begun.push(item);
        if (item === 0) throw new Error("no");
        await Bun.sleep(5);
        ended.push(item);
      },
      take: () => {},
    });
    expect(await working.catch((error: Error) => error.message)).toBe("no");
    expect(begun).toEqual([0, 1]);
    expect(ended).toEqual([1]);
  });
});
