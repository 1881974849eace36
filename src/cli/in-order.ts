/** Much work of one kind. */
export interface OrderedWork<Item, Result> {
  readonly items: readonly Item[];
  /** How many are worked on at the same time. */
  readonly atOnce: number;
  readonly work: (item: Item) => Promise<Result>;
  /** Gets the results, in the order of the items, each as soon as those before it are there. */
  readonly take: (result: Result) => void;
}

/**
 * Works on all items. When one fails, no more are begun, and the failure is thrown once those under
 * way have ended.
 */
export async function eachInOrder<Item, Result>(plan: OrderedWork<Item, Result>): Promise<void> {
  const { items, atOnce, work, take } = plan;
  const remaining = items.entries();
  const results = new Map<number, { readonly result: Result }>();
  let taken = 0;
  let hasFailed = false;

  async function worker(): Promise<void> {
    for (const [index, item] of remaining) {
      if (hasFailed) return;
      try {
        results.set(index, { result: await work(item) });
      } catch (error) {
        hasFailed = true;
        throw error;
      }
      takeWhatIsNext();
    }
  }

  function takeWhatIsNext(): void {
    for (let next = results.get(taken); next !== undefined; next = results.get(taken)) {
      results.delete(taken);
      taken += 1;
      take(next.result);
    }
  }

  const workers = Array.from({ length: Math.min(atOnce, items.length) }, worker);
  const failed = (await Promise.allSettled(workers)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}
