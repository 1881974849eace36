import type { Log } from "../domain/log.ts";
import { createProgress, type ProgressStream } from "./progress.ts";

/** Tells how far a long work is: by a bar on a terminal, else by a line of the log now and then. */
export interface Reporter {
  /** @param part what is done, from 0 to 1; `counts` say more, and `fields` to the log alone */
  tell(
    part: number,
    counts?: Readonly<Record<string, number>>,
    fields?: Readonly<Record<string, string>>,
  ): void;
  /** Makes room for a line about to be written. */
  clear(): void;
  stop(): void;
}

/** What a reporter needs. */
export interface ReporterOptions {
  readonly stream: ProgressStream;
  readonly log: Log;
  /** What the work is called. */
  readonly label: string;
  /** The time in ms, from any moment on; the process's own clock by default. */
  readonly now?: () => number;
}

/** How often the log is told. */
const logEveryMs = 10_000;

/** A reporter for one work, which begins now. */
export function createReporter(options: ReporterOptions): Reporter {
  const { stream, log, label, now = () => performance.now() } = options;
  const bar = createProgress({ stream, label, total: 1, unit: "percent", now });
  let loggedAt = now();
  return {
    tell(part, counts = {}, fields = {}) {
      const noted = Object.entries(counts).filter(([, count]) => count > 0);
      bar.update(part, noted.map(([name, count]) => `${count} ${name}`).join(", "));
      if (stream.isTTY === true || now() - loggedAt < logEveryMs) return;
      log.info(label, { percent: Math.floor(part * 100), ...counts, ...fields });
      loggedAt = now();
    },
    clear: () => bar.clear(),
    stop: () => bar.stop(),
  };
}
