import { describe, expect, it } from "bun:test";
import { createProgress, type ProgressOptions } from "../../src/cli/progress.ts";

/** A terminal that shows what a person would see of the line, and a clock that stands still. */
function terminal(columns = 80) {
  const written: string[] = [];
  return {
    stream: {
      isTTY: true,
      columns,
      write: (text: string | Uint8Array) => written.push(String(text)) > 0,
    },
    clock: { ms: 1000 },
    written,
    line: () => written.join("").split("\r\u001b[2K").at(-1),
  };
}

function draw(options: Omit<ProgressOptions, "stream">, done: number, passedMs: number) {
  const { stream, clock, line } = terminal();
  const progress = createProgress({ ...options, stream, now: () => clock.ms });
  clock.ms += passedMs;
  progress.update(done);
  return line();
}

describe("a progress bar", () => {
  const bytes = { label: "data.bin", unit: "bytes", total: 8 * 1024 ** 2 } as const;

  it("shows how much is done, of how much, and how long the rest will take", () => {
    const half = "[############------------]";
    expect(draw(bytes, 4 * 1024 ** 2, 3000)).toBe(
      `data.bin  ${half}   50 %  4.0 MiB of 8.0 MiB  0:03 left`,
    );
    const rows = { label: "rows", unit: "rows", total: 4 } as const;
    expect(draw(rows, 1, 0)).toBe("rows  [######------------------]   25 %  1 row of 4 rows");
    const share = { label: "rekeying", unit: "percent", total: 1 } as const;
    expect(draw(share, 0.999, 0)).toBe("rekeying  [#######################-]   99 %");
  });

  it("shows what is done where nobody knows how much there is", () => {
    const endless = { label: "-", unit: "bytes", total: null } as const;
    expect(draw(endless, 512, 61_000)).toBe("-  0.5 KiB  1:01");
    expect(draw(endless, 3 * 1024 ** 3, 3_723_000)).toBe("-  3.0 GiB  1:02:03");
  });

  it("keeps within its bounds whatever it is told", () => {
    expect(draw(bytes, 9 * 1024 ** 2, 0)).toContain("[########################]  100 %");
    expect(draw(bytes, -1, 0)).toContain("[------------------------]    0 %");
    expect(draw({ ...bytes, total: 0 }, 0, 0)).toContain("100 %");
  });

  it("shows a label that would move the cursor as what it is", () => {
    const label = "a\u001b[2Jb";
    expect(draw({ ...bytes, label }, 0, 0)).toStartWith("a\\u{1b}[2Jb  [");
  });

  it("is never as wide as the terminal", () => {
    const { stream, line } = terminal(20);
    createProgress({ ...bytes, stream }).update(1, "a long note");
    expect(line()).toHaveLength(19);
  });

  it("is drawn at most ten times a second", () => {
    const { stream, clock, written } = terminal();
    const progress = createProgress({ ...bytes, stream, now: () => clock.ms });
    for (let n = 0; n < 1000; n += 1) {
      progress.update(n);
      clock.ms += 1;
    }
    expect(written).toHaveLength(10);
  });

  it("makes room for a line, comes back below it, and goes for good", () => {
    const { stream, clock, line, written } = terminal();
    const progress = createProgress({ ...bytes, stream, now: () => clock.ms });
    progress.update(1, "first");
    expect(line()).toEndWith("  first");
    progress.clear();
    expect(line()).toBe("");
    progress.update(2, "second");
    expect(line()).toEndWith("  second");
    progress.stop();
    expect(line()).toBe("");
    clock.ms += 1000;
    progress.update(3);
    expect(written).toHaveLength(4);
  });

  it("is not drawn where there is no terminal, nor removed where it was not drawn", () => {
    const written: string[] = [];
    const write = (text: string | Uint8Array) => written.push(String(text)) > 0;
    const progress = createProgress({ ...bytes, stream: { write } });
    progress.update(1);
    progress.clear();
    progress.stop();
    const { stream, written: drawn } = terminal();
    createProgress({ ...bytes, stream }).stop();
    expect([...written, ...drawn]).toEqual([]);
  });
});
