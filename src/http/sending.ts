import type { Budget } from "../domain/budget.ts";
import { limits } from "../domain/limits.ts";
import { spanning } from "../tracing/spanning.ts";

/**
 * Charges the budget with answers until they have been sent, or their clients have gone: until then
 * Bun holds a copy of their bytes. Small ones are free: most of them are the network's at once.
 */
export interface Sending {
  /** Charges the answer to a request if that can be done at once; false when it cannot. */
  tryCharge(request: Request, bytes: number): boolean;
  /**
   * Makes an answer once the budget has room for it, and charges it.
   * @throws RegistryError `overloaded` when it never has, and whatever `make` throws
   */
  charged(request: Request, bytes: number, make: () => Promise<Response>): Promise<Response>;
}

/** What the charging of answers needs. */
export interface SendingOptions {
  readonly budget: Budget;
  /** Whether a request is still being answered, which Bun knows. */
  readonly isUnderWay: (request: Request) => boolean;
}

/** Charges answers. Bun does not tell when one has been sent: it is looked after. */
export function createSending({ budget, isUnderWay }: SendingOptions): Sending {
  const charges = new Map<Request, number>();
  let timer: ReturnType<typeof setInterval> | null = null;

  function watch(request: Request, bytes: number): void {
    charges.set(request, bytes);
    if (timer !== null) return;
    timer = setInterval(look, lookMs);
    timer.unref();
  }

  function look(): void {
    for (const [request, bytes] of charges) {
      if (isUnderWay(request)) continue;
      charges.delete(request);
      budget.give(bytes);
    }
    if (charges.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  }

  function tryCharge(request: Request, bytes: number): boolean {
    if (bytes <= limits.smallTransferBytesMax) return true;
    if (!budget.tryTake(bytes)) return false;
    watch(request, bytes);
    return true;
  }

  async function charged(
    request: Request,
    bytes: number,
    make: () => Promise<Response>,
  ): Promise<Response> {
    if (bytes <= limits.smallTransferBytesMax) return await make();
    if (!budget.tryTake(bytes)) await spanning("budget wait", () => budget.take(bytes));
    try {
      return await make();
    } finally {
      // Also of an answer that failed: what answers the request in its place is soon sent.
      watch(request, bytes);
    }
  }

  return { tryCharge, charged };
}

// --- internal ---

const lookMs = 20;
