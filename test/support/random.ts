/** Numbers that look random and follow from a seed. */
export interface Random {
  /** At least 0, less than 1. */
  next(): number;
  /** A whole number from 0 on, below `end`. */
  below(end: number): number;
  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number;
  pick<T>(items: readonly T[]): T;
  /** The same items in another order. */
  shuffled<T>(items: readonly T[]): T[];
  /** Another source, so that what one part draws moves nothing in another. */
  fork(name: string): Random;
}

/** A source of its own for a seed (mulberry32: 32 bits of state, enough for schedules). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;

  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  const below = (end: number): number => Math.floor(next() * end);
  const between = (min: number, max: number): number => min + below(max - min + 1);

  function pick<T>(items: readonly T[]): T {
    const item = items[between(0, items.length - 1)];
    if (item === undefined) throw new Error("there is nothing to pick from");
    return item;
  }

  function shuffled<T>(items: readonly T[]): T[] {
    const order = items.map((item) => ({ item, at: next() }));
    return order.toSorted((left, right) => left.at - right.at).map(({ item }) => item);
  }

  return { next, below, between, pick, shuffled, fork: (name) => createRandom(seedOf(seed, name)) };
}

/** A seed for one part of what another seed rules. */
export function seedOf(seed: number, name: string): number {
  return Bun.hash.xxHash32(name, seed);
}
