/** Holds a long work to so many bytes a second. */
export interface ReadRate {
  /** How many bytes the next step should read at most: a second's, and no more than `most`. */
  bytesPerStep(most: number): number;
  /** Waits until bytes that have been read are due; at once when `signal` is aborted. */
  spend(bytes: number): Promise<void>;
}

/** What a rate needs. */
export interface ReadRateOptions {
  readonly bytesPerSecond: number;
  readonly signal: AbortSignal;
  /** The time in ms, from any moment on; the process's own clock by default. */
  readonly now?: () => number;
  /** Resolves after so long, or when the signal is aborted. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** A rate that begins now. Time in which nothing was read is not caught up with. */
export function createReadRate(options: ReadRateOptions): ReadRate {
  const { bytesPerSecond, signal, now = () => performance.now(), sleep = sleepUnless } = options;
  let dueAt = now();
  return {
    bytesPerStep: (most) => Math.max(1, Math.min(most, bytesPerSecond)),
    async spend(bytes) {
      const at = now();
      dueAt = Math.max(dueAt + (bytes / bytesPerSecond) * 1000, at);
      const restMs = dueAt - at;
      // Shorter waits are made up for by the next.
      if (restMs >= shortestWaitMs && !signal.aborted) await sleep(restMs, signal);
    },
  };
}

// --- internal ---

const shortestWaitMs = 5;

async function sleepUnless(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const end = (): void => resolve();
  signal.addEventListener("abort", end, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}
