import { assert } from "./assert.ts";
import { RegistryError } from "./errors.ts";
import { limits } from "./limits.ts";

/** What a budget is at. */
export interface BudgetCounts {
  /** What there is, in bytes. */
  readonly bytesMax: number;
  /** What is taken of it. */
  readonly bytesTaken: number;
  /** Requests that wait for their part. */
  readonly waiting: number;
}

/**
 * What all requests under way may hold of memory together. Whoever takes a part gives it back,
 * once, whatever happens.
 */
export interface Budget {
  /** Always up to date; one object for the life of the budget. */
  readonly counts: BudgetCounts;
  /** Takes a part if it can be had at once. Allocates nothing. */
  tryTake(bytes: number): boolean;
  /**
   * Takes a part as soon as it can be had, first come, first served.
   * @throws RegistryError `overloaded` when that takes too long, or too many wait already
   */
  take(bytes: number): Promise<void>;
  /** Gives a part back. */
  give(bytes: number): void;
}

/** How a budget is kept. */
export interface BudgetOptions {
  /** At least what one request may take of it, and a seventh more. */
  readonly bytesMax: number;
  /** How long a request may wait; by default `limits.budgetWaitMsMax`. */
  readonly waitMsMax?: number;
  /** Calls back after so many ms, unless what it gives is called before. */
  readonly startTimer?: (ring: () => void, ms: number) => () => void;
}

/**
 * A budget of `bytesMax`. Its last eighth is for small requests alone, which wait in a line of
 * their own: however many large ones hold on to theirs, small ones go on.
 */
export function createBudget(options: BudgetOptions): Budget {
  const { bytesMax, waitMsMax = limits.budgetWaitMsMax, startTimer = ringLater } = options;
  const counts = { bytesMax, bytesTaken: 0, waiting: 0 };
  const small: Line = { bytesMax, waiting: [] };
  const large: Line = { bytesMax: bytesMax - Math.floor(bytesMax / 8), waiting: [] };

  function lineOf(bytes: number): Line {
    return bytes <= limits.smallTransferBytesMax ? small : large;
  }

  function fits(bytes: number, line: Line): boolean {
    return counts.bytesTaken + bytes <= line.bytesMax;
  }

  function tryTake(bytes: number): boolean {
    const line = lineOf(bytes);
    if (line.waiting.length > 0 || !fits(bytes, line)) return false;
    counts.bytesTaken += bytes;
    return true;
  }

  function take(bytes: number): Promise<void> {
    if (tryTake(bytes)) return Promise.resolve();
    const line = lineOf(bytes);
    assert(bytes <= line.bytesMax, "a request is within the budget");
    if (line.waiting.length >= limits.budgetWaitersMax) return Promise.reject(overloaded());
    return new Promise((resolve, reject) => {
      const stopTimer = startTimer(() => {
        line.waiting.splice(line.waiting.indexOf(waiter), 1);
        counts.waiting -= 1;
        reject(overloaded());
        admit(line); // those behind may ask for less
      }, waitMsMax);
      const waiter: Waiter = {
        bytes,
        go() {
          stopTimer();
          resolve();
        },
      };
      line.waiting.push(waiter);
      counts.waiting += 1;
    });
  }

  function admit(line: Line): void {
    for (;;) {
      const [first] = line.waiting;
      if (first === undefined || !fits(first.bytes, line)) return;
      line.waiting.shift();
      counts.waiting -= 1;
      counts.bytesTaken += first.bytes;
      first.go();
    }
  }

  function give(bytes: number): void {
    counts.bytesTaken -= bytes;
    assert(counts.bytesTaken >= 0, "nothing is given back twice");
    if (counts.waiting === 0) return;
    admit(small);
    admit(large);
  }

  return { counts, tryTake, take, give };
}

// --- internal ---

/** Those who wait for their part, and up to where the budget is theirs. */
interface Line {
  readonly bytesMax: number;
  readonly waiting: Waiter[];
}

interface Waiter {
  readonly bytes: number;
  /** Its part has been taken. */
  go(): void;
}

function ringLater(ring: () => void, ms: number): () => void {
  const timer = setTimeout(ring, ms);
  return () => clearTimeout(timer);
}

function overloaded(): RegistryError {
  return new RegistryError(
    "overloaded",
    "Too much is being sent and received at once; try again in a moment.",
  );
}
