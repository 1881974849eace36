import { AsyncLocalStorage } from "node:async_hooks";
import type { Span } from "./span.ts";

/*
 * Which span the work being done now belongs to. It follows the work over promises, timers and
 * streams. The one thing in the house that is there once for the whole process: what is deep inside
 * asks at every request, so that asking must cost nothing while nobody traces.
 */

const storage = new AsyncLocalStorage<Span | null>();
let tracers = 0;
let isOn = false;

/** The span that the work being done belongs to; null: it is not recorded. */
export function currentSpan(): Span | null {
  return isOn ? (storage.getStore() ?? null) : null;
}

/** Does work that belongs to `span`, or to none. */
export function within<T>(span: Span | null, work: () => T): T {
  return isOn ? storage.run(span, work) : work();
}

/** Whether anybody traces: else nothing need be done for it. */
export function isTracing(): boolean {
  return isOn;
}

/** From now on work is traced, until what this gives has been called. */
export function beginTracing(): () => void {
  tracers += 1;
  isOn = true;
  let hasEnded = false;
  return () => {
    if (hasEnded) return;
    hasEnded = true;
    tracers -= 1;
    isOn = tracers > 0;
  };
}
