import { describe, expect, it } from "bun:test";
import { createReporter } from "../../src/cli/reporter.ts";
import { createLog } from "../../src/ops/log.ts";

/** A reporter that begins at 0 ms, by a clock that the test moves. */
function reporterOn(isTTY: boolean) {
  const drawn: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const clock = { ms: 0 };
  const write = (text: string | Uint8Array) => drawn.push(String(text)) > 0;
  const log = createLog({
    level: "info",
    format: "json",
    write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
  });
  const stream = { isTTY, columns: 100, write };
  const reporter = createReporter({ stream, log, label: "rekeying", now: () => clock.ms });
  return { reporter, drawn, lines, clock };
}

describe("a reporter", () => {
  it("draws a bar on a terminal, and logs nothing there", () => {
    const { reporter, drawn, lines, clock } = reporterOn(true);
    clock.ms = 60_000;
    reporter.tell(0.5, { rekeyed: 12, merged: 0, bad: 1 });
    expect(drawn.join("")).toEndWith(
      "rekeying  [############------------]   50 %  1:00 left  12 rekeyed, 1 bad",
    );
    reporter.clear();
    reporter.tell(0.75);
    reporter.stop();
    expect(drawn.at(-1)).toBe("\r\u001b[2K");
    expect(lines).toEqual([]);
  });

  it("logs every ten seconds where there is no terminal", () => {
    const { reporter, drawn, lines, clock } = reporterOn(false);
    for (const ms of [0, 9999, 10_000, 19_999, 20_001]) {
      clock.ms = ms;
      reporter.tell(ms / 100_000, { rekeyed: ms, bad: 0 });
    }
    reporter.clear();
    reporter.stop();
    expect(drawn).toEqual([]);
    const line = { level: "info", message: "rekeying", bad: 0 };
    expect(lines).toEqual([
      { ...line, time: expect.any(String), percent: 10, rekeyed: 10_000 },
      { ...line, time: expect.any(String), percent: 20, rekeyed: 20_001 },
    ]);
  });
});
