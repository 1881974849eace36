import { limits } from "../domain/limits.ts";

/** Watches a clock that is not ours, by one that does not jump. */
export interface ClockWatch {
  /**
   * Whether the clock, which says `theirsMs` now, has gone as ours has since it was last asked, but
   * for `limits.clockJumpMsMax`; the first time, whether it says what this machine's does.
   */
  isSteady(theirsMs: number): boolean;
}

/** @param machineMs this machine's clock: ms since 1970. @param steadyMs one that does not jump */
export function createClockWatch(
  machineMs: () => number = Date.now,
  steadyMs: () => number = () => performance.now(),
): ClockWatch {
  let last: { readonly theirsMs: number; readonly oursMs: number } | null = null;
  return {
    isSteady(theirsMs) {
      const oursMs = steadyMs();
      const expectedMs = last === null ? machineMs() : last.theirsMs + (oursMs - last.oursMs);
      last = { theirsMs, oursMs };
      return Math.abs(theirsMs - expectedMs) <= limits.clockJumpMsMax;
    },
  };
}
