import { describe, expect, it } from "bun:test";
import { RegistryError } from "../../src/domain/errors.ts";
import { createBatchCounts } from "../../src/storage/batch-counts.ts";
import { createBatcher, type BatcherOptions } from "../../src/storage/batcher.ts";
import { codeRejectedBy } from "../support/error-code.ts";

type Options = BatcherOptions<number, string>;

/** A batcher of numbers whose batches end when the test says so. */
function createManualBatcher(options: Partial<Options> = {}) {
  const batches: { readonly items: readonly number[]; readonly end: () => void }[] = [];
  const batcher = createBatcher<number, string>({
    kind: "write",
    lanes: 2,
    itemsMax: 4,
    bytesMax: 100,
    queueItemsMax: 8,
    itemMsMax: 3_600_000,
    counts: createBatchCounts().write,
    bytesOf: () => 1,
    async run(items) {
      const { promise, resolve } = Promise.withResolvers<void>();
      batches.push({ items, end: resolve });
      await promise;
      return items.map(String);
    },
    ...options,
  });
  return { batcher, batches, sizes: () => batches.map(({ items }) => items.length) };
}

/** A batcher whose batches end by themselves; `runs` are what it was given. */
function createQuickBatcher(run: Options["run"], options: Partial<Options> = {}) {
  const runs: (readonly number[])[] = [];
  const { batcher } = createManualBatcher({
    lanes: 1,
    async run(items) {
      runs.push(items);
      return await run(items);
    },
    ...options,
  });
  return { batcher, runs };
}

/** Lets the lanes go on. */
const turn = async (): Promise<void> => await Bun.sleep(0);

const lost = () => new RegistryError("database_unavailable", "gone");

describe("createBatcher", () => {
  it("lets a lone item wait for nobody", async () => {
    const { batcher, batches, sizes } = createManualBatcher();
    const outcome = batcher.submit(1);
    expect(sizes()).toEqual([1]);
    batches[0]?.end();
    expect(await outcome).toBe("1");
  });

  it("makes one batch of what came while all lanes were busy", async () => {
    const { batcher, batches, sizes } = createManualBatcher();
    const outcomes = [1, 2, 3, 4, 5].map(batcher.submit);
    expect(sizes()).toEqual([1, 1]);
    batches[0]?.end();
    await turn();
    expect(batches[2]?.items).toEqual([3, 4, 5]);
    for (const { end } of batches) end();
    expect(await Promise.all(outcomes)).toEqual(["1", "2", "3", "4", "5"]);
  });

  it("keeps a batch to its number of items", async () => {
    const { batcher, batches } = createManualBatcher({ lanes: 1 });
    for (const item of [1, 2, 3, 4, 5, 6, 7]) void batcher.submit(item);
    batches[0]?.end();
    await turn();
    expect(batches[1]?.items).toEqual([2, 3, 4, 5]);
    batches[1]?.end();
    await turn();
    expect(batches[2]?.items).toEqual([6, 7]);
  });

  it("keeps a batch to its bytes, but takes a first item of any size", async () => {
    const { batcher, batches } = createManualBatcher({
      lanes: 1,
      bytesOf: (item) => item,
    });
    for (const item of [1, 120, 60, 40, 1]) void batcher.submit(item);
    for (const [index, items] of [[1], [120], [60, 40]].entries()) {
      expect(batches[index]?.items).toEqual(items);
      batches[index]?.end();
      await turn();
    }
    expect(batches[3]?.items).toEqual([1]);
  });

  it("refuses what exceeds the queue in items, and takes more when it has drained", async () => {
    const { batcher, batches } = createManualBatcher({ lanes: 1, queueItemsMax: 2 });
    const outcomes = [1, 2, 3].map(batcher.submit);
    expect(await codeRejectedBy(batcher.submit(4))).toBe("overloaded");
    batches[0]?.end();
    await turn();
    void batcher.submit(5);
    batches[1]?.end();
    expect(await Promise.all(outcomes)).toEqual(["1", "2", "3"]);
  });

  it("gives up on what waited too long, and leaves it out of the batch", async () => {
    const { batcher, batches } = createManualBatcher({ lanes: 1, itemMsMax: -1 });
    expect(await codeRejectedBy(batcher.submit(1))).toBe("database_timeout");
    expect(batches).toEqual([]);
    await batcher.idle();
  });

  it("tries a batch once more when the connection was lost", async () => {
    let attempts = 0;
    const { batcher, runs } = createQuickBatcher(async (items) => {
      attempts += 1;
      if (attempts === 1) throw lost();
      return items.map(String);
    });
    expect(await batcher.submit(1)).toBe("1");
    expect(runs).toEqual([[1], [1]]);
  });

  it("does not try a third time", async () => {
    const { batcher, runs } = createQuickBatcher(async () => await Promise.reject(lost()));
    expect(await codeRejectedBy(batcher.submit(1))).toBe("database_unavailable");
    expect(runs).toHaveLength(2);
  });

  it("does not repeat what took too long", async () => {
    const late = () => new RegistryError("database_timeout", "late");
    const { batcher, runs } = createQuickBatcher(async () => await Promise.reject(late()));
    expect(await codeRejectedBy(batcher.submit(1))).toBe("database_timeout");
    expect(runs).toHaveLength(1);
  });

  it("tries each item alone when the data of one is refused: only that one fails", async () => {
    const gate = Promise.withResolvers<void>();
    const { batcher, runs } = createQuickBatcher(async (items) => {
      if (items.includes(0)) await gate.promise;
      if (items.includes(13)) throw new Error("invalid data");
      return items.map(String);
    });
    const outcomes = [0, 1, 13, 3].map(batcher.submit);
    gate.resolve();
    const settled = await Promise.allSettled(outcomes);
    expect(settled.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect(runs).toEqual([[0], [1, 13, 3], [1], [13], [3]]);
  });

  it("does so too when the connection was lost before the data was refused", async () => {
    const gate = Promise.withResolvers<void>();
    let isLost = false;
    const { batcher, runs } = createQuickBatcher(async (items) => {
      if (items.includes(0)) await gate.promise;
      if (items.includes(13) && !isLost) {
        isLost = true;
        throw lost();
      }
      if (items.includes(13)) throw new Error("invalid data");
      return items.map(String);
    });
    const outcomes = [0, 1, 13].map(batcher.submit);
    gate.resolve();
    const settled = await Promise.allSettled(outcomes);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
    expect(runs).toEqual([[0], [1, 13], [1, 13], [1], [13]]);
  });

  it("fails the item alone whose outcome is an error", async () => {
    const { batcher } = createQuickBatcher(
      async (items) =>
        await Promise.resolve(
          items.map((item) => (item === 2 ? new RegistryError("corrupt_blob", "bad") : `${item}`)),
        ),
    );
    const [one, two, three] = [1, 2, 3].map(batcher.submit);
    expect(await one).toBe("1");
    expect(await codeRejectedBy(two ?? Promise.resolve())).toBe("corrupt_blob");
    expect(await three).toBe("3");
  });

  it("lets in what is about to come before it makes a batch", async () => {
    const arrival = Promise.withResolvers<void>();
    const { batcher, runs } = createQuickBatcher(
      async (items) => await Promise.resolve(items.map(String)),
      { gather: async () => await arrival.promise },
    );
    const outcomes = [1, 2, 3].map(batcher.submit);
    arrival.resolve();
    await Promise.all(outcomes);
    expect(runs).toEqual([[1, 2, 3]]);
  });

  it("is idle once nothing waits and nothing runs", async () => {
    const { batcher, batches } = createManualBatcher();
    await batcher.idle();
    const outcomes = [1, 2, 3].map(batcher.submit);
    let isIdle = false;
    const idle = (async () => {
      await batcher.idle();
      isIdle = true;
    })();
    batches[0]?.end();
    batches[1]?.end();
    await turn();
    expect(isIdle).toBe(false);
    batches[2]?.end();
    await idle;
    expect(await outcomes[2]).toBe("3");
    // And again, for what comes later.
    const later = batcher.submit(4);
    const idleAgain = batcher.idle();
    batches[3]?.end();
    await idleAgain;
    expect(await later).toBe("4");
  });
});

describe("the counts of a batcher", () => {
  it("tell the sizes of batches, the waits of items, and what waits now", async () => {
    const counts = createBatchCounts().write;
    const { batcher, batches } = createManualBatcher({ lanes: 1, counts, bytesOf: () => 10 });
    const outcomes = [1, 2, 3].map((item) => batcher.submit(item));
    expect(counts).toMatchObject({ waiting: 2, waitingBytes: 20 });
    batches[0]?.end();
    await outcomes[0];
    await Bun.sleep(0);
    expect(counts).toMatchObject({ waiting: 0, waitingBytes: 0 });
    batches[1]?.end();
    await Promise.all(outcomes);
    expect(counts.sizes.sum).toBe(3);
    expect([...counts.sizes.counts].slice(0, 3)).toEqual([1, 1, 0]); // one of one, one of two
    expect(counts.waits.counts.reduce((total, count) => total + count, 0)).toBe(3);
  });
});
