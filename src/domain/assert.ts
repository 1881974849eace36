/** Stops at our own bugs: throws when `condition` does not hold. Never for what comes from outside. */
export function assert(condition: boolean, why: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${why}`);
}
