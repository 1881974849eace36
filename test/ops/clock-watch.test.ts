import { describe, expect, it } from "bun:test";
import { limits } from "../../src/domain/limits.ts";
import { createClockWatch } from "../../src/ops/clock-watch.ts";

const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 0, 1);

describe("createClockWatch", () => {
  it.each([
    [0, true],
    [limits.clockJumpMsMax, true],
    [-limits.clockJumpMsMax, true],
    [limits.clockJumpMsMax + 1, false],
    [-limits.clockJumpMsMax - 1, false],
    [dayMs, false],
  ])("takes a clock that is %d ms ahead of this machine's first: %p", (aheadMs, isSteady) => {
    const watch = createClockWatch(() => startMs);
    expect(watch.isSteady(startMs + aheadMs)).toBe(isSteady);
  });

  it.each([dayMs, -dayMs])("tells one jump of %d ms once, whatever the machine's does", (jump) => {
    let steadyMs = 0;
    let machineMs = startMs;
    const watch = createClockWatch(
      () => machineMs,
      () => steadyMs,
    );
    expect(watch.isSteady(startMs)).toBe(true);
    const said = [0, jump, jump, 0].map((ahead) => {
      steadyMs += 1000;
      machineMs -= dayMs;
      return watch.isSteady(startMs + steadyMs + ahead);
    });
    expect(said).toEqual([true, false, true, false]);
  });
});
