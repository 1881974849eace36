/** Stops at our own bugs: throws when `condition` does not hold. Not for input. */
export function assert(condition: boolean, why: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${why}`);
}
