import { expect, it } from "bun:test";
import { watchEventLoop } from "../../../src/ops/metrics/event-loop.ts";
import { eventually } from "../../support/registry.ts";

it("sees the event loop held up", async () => {
  const watch = watchEventLoop();
  const looks = (): number => watch.delays.counts.reduce((total, count) => total + count, 0);
  await eventually(() => looks() > 0);
  const before = watch.delays.sum;
  const startedMs = performance.now();
  while (performance.now() - startedMs < 300); // on purpose
  const looked = looks();
  await eventually(() => looks() > looked);
  watch.stop();
  expect(watch.delays.sum - before).toBeGreaterThan(0.15);
});
