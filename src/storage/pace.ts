import { isRetryable, RegistryError } from "../domain/errors.ts";
import type { Dialect } from "./database.ts";

/** How much of a long work is done at once: less after trouble, more while it goes quickly. */
export interface Pace {
  /**
   * Does one step, of at most so many rows, which must be a statement or a transaction: it is tried
   * again, with fewer rows, after what passes (the deadline, a lost connection, another writer).
   * @throws what the last of several attempts in a row failed with
   */
  step<T>(work: (rowsMax: number) => Promise<T>): Promise<T>;
}

/** Rows of the first step, and of the largest. */
export interface PaceOptions {
  readonly rowsAtFirst: number;
  readonly rowsMax: number;
  readonly dialect: Dialect;
  /** Waits before another attempt; by default as long as it says. */
  readonly sleep?: (ms: number) => Promise<void>;
  /** The time in ms, from any moment on; the process's own clock by default. */
  readonly now?: () => number;
}

/** A pace that begins at `rowsAtFirst`; its steps are powers of two if that is one. */
export function createPace(options: PaceOptions): Pace {
  const { rowsAtFirst, rowsMax, dialect, sleep = Bun.sleep } = options;
  const { now = () => performance.now() } = options;
  let rows = rowsAtFirst;
  return {
    async step(work) {
      for (let attempt = 1; ; attempt += 1) {
        const begunAt = now();
        try {
          const result = await work(rows);
          if (now() - begunAt < quickMs) rows = Math.min(rowsMax, 2 * rows);
          return result;
        } catch (error) {
          if (attempt === attemptsMax || !mayPass(error, dialect)) throw error;
          rows = Math.max(1, Math.floor(rows / 8));
          await sleep(firstWaitMs * 2 ** (attempt - 1));
        }
      }
    },
  };
}

// --- internal ---

/** A step that took less may be followed by a larger one. */
const quickMs = 250;

/** 6.3 s of waiting in all: a database that restarts is back by then. */
const attemptsMax = 7;
const firstWaitMs = 100;

function mayPass(error: unknown, dialect: Dialect): boolean {
  const isTrouble = error instanceof RegistryError && isRetryable(error.code);
  return isTrouble || dialect.isConflict(error);
}
