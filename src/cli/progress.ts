import { toPrintable } from "../ops/printable.ts";

/** A progress bar on a terminal; where there is none, nothing is drawn. */
export interface Progress {
  /** How much is done by now, in the unit of `total`; `note` is shown behind the bar. */
  update(done: number, note?: string): void;
  /** Makes room for a line about to be written; the next update draws the bar again, below it. */
  clear(): void;
  /** Removes the bar. */
  stop(): void;
}

/** What a progress bar shows. */
export interface ProgressOptions {
  /** Where to draw; not a terminal: nowhere. */
  readonly stream: ProgressStream;
  readonly label: string;
  /** How much there is to do; null: nobody knows. */
  readonly total: number | null;
  /** What is counted; of `percent` only the share that is done is told. */
  readonly unit: "bytes" | "rows" | "percent";
  /** The time in ms, from any moment on; the process's own clock by default. */
  readonly now?: () => number;
}

/** What a bar needs of a stream. */
export type ProgressStream = Pick<NodeJS.WriteStream, "write"> & {
  readonly isTTY?: boolean;
  readonly columns?: number;
};

/**
 * A bar that is drawn as it is updated, a few times a second: one line, never wider than the
 * terminal. It sets no timer and no mode of the terminal, so that nothing is left behind when the
 * program is interrupted.
 */
export function createProgress(options: ProgressOptions): Progress {
  const { stream, now = () => performance.now() } = options;
  const startedAt = now();
  let drawnAt = -redrawMs;
  let isDrawn = false;
  let isOver = false;

  function clear(): void {
    if (isDrawn) stream.write(toLineStart);
    isDrawn = false;
    drawnAt = -redrawMs;
  }

  return {
    update(done, note = "") {
      const at = now();
      if (stream.isTTY !== true || isOver || at - drawnAt < redrawMs) return;
      const line = renderLine(options, { done, note, passedMs: at - startedAt });
      // One column less: some terminals wrap a line that fills the last one.
      stream.write(toLineStart + line.slice(0, Math.max(0, (stream.columns || 80) - 1)));
      drawnAt = at;
      isDrawn = true;
    },
    clear,
    stop() {
      clear();
      isOver = true;
    },
  };
}

// --- internal ---

const redrawMs = 100;

/** To the first column, and everything there removed (ECMA-48: CR, EL). */
const toLineStart = "\r\u001b[2K";

const barColumns = 24;
/** Before that, the time that is left would be a guess. */
const estimateAfterMs = 2000;

interface State {
  readonly done: number;
  readonly note: string;
  readonly passedMs: number;
}

function renderLine({ label, total, unit }: ProgressOptions, state: State): string {
  const { done, note, passedMs } = state;
  const parts = [toPrintable(label)];
  if (total === null) {
    parts.push(amount(done, unit), duration(passedMs));
  } else {
    const share = total <= 0 ? 1 : Math.min(1, Math.max(0, done / total));
    const filled = Math.floor(share * barColumns);
    parts.push(`[${"#".repeat(filled)}${"-".repeat(barColumns - filled)}]`);
    parts.push(`${String(Math.floor(share * 100)).padStart(3)} %`);
    if (unit !== "percent") parts.push(`${amount(done, unit)} of ${amount(total, unit)}`);
    if (passedMs >= estimateAfterMs && share > 0) {
      parts.push(`${duration((passedMs * (1 - share)) / share)} left`);
    }
  }
  return [...parts, note].filter(Boolean).join("  ");
}

function amount(value: number, unit: ProgressOptions["unit"]): string {
  if (unit === "rows") return `${value} ${value === 1 ? "row" : "rows"}`;
  if (unit === "percent") return `${Math.floor(value)} %`;
  const mebibytes = value / 1024 ** 2;
  if (mebibytes >= 1024) return `${(mebibytes / 1024).toFixed(1)} GiB`;
  return mebibytes >= 1 ? `${mebibytes.toFixed(1)} MiB` : `${(value / 1024).toFixed(1)} KiB`;
}

/** `0:07`, `12:30`, `1:02:03`. */
function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${twoDigits(seconds)}`;
  return `${Math.floor(minutes / 60)}:${twoDigits(minutes)}:${twoDigits(seconds)}`;
}

/** Minutes of an hour, or seconds of a minute. */
function twoDigits(value: number): string {
  return String(value % 60).padStart(2, "0");
}
