import type { ErrorCode, RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import type { Log } from "../domain/log.ts";
import { statusOf } from "./problem.ts";
import { targetOf } from "./request-log.ts";
import { traceFieldsOf } from "./traceparent.ts";

/** Tells the log why a request failed, if the fault is ours. */
export type FailureLog = (request: Request, error: RegistryError) => void;

/**
 * A log of failures that no flood of them fills: of those with one code, so many a second are told;
 * how many were not, the next one tells.
 * @param now the time, in ms from any moment; by default that of the process
 */
export function createFailureLog(log: Log, now = () => performance.now()): FailureLog {
  const seconds = new Map<ErrorCode, Second>();

  /** How many were left out before one that may be told; null when it may not. */
  function leftOut(code: ErrorCode): number | null {
    const nowMs = now();
    let second = seconds.get(code);
    const before = second?.untold ?? 0;
    if (second === undefined || nowMs - second.sinceMs >= 1000) {
      second = { sinceMs: nowMs, told: 1, untold: 0 };
      seconds.set(code, second);
      return before;
    }
    const mayTell = second.told < limits.failureLinesPerSecondMax;
    if (mayTell) second.told += 1;
    else second.untold += 1;
    return mayTell ? 0 : null;
  }

  return (request, error) => {
    const { code } = error;
    const status = statusOf[code];
    if (status < 500 || wanted.has(code)) return;
    const untold = leftOut(code);
    if (untold === null) return;
    const fields = {
      ...targetOf(request),
      code,
      ...traceFieldsOf(request.headers),
      ...(untold === 0 ? {} : { untold }),
      error,
    };
    if (status === 503) log.warn("request failed", fields);
    else log.error("request failed", fields);
  };
}

// --- internal ---

/** What was told since a moment, less than a second ago when it counts. */
interface Second {
  readonly sinceMs: number;
  told: number;
  untold: number;
}

/** What the operator wants so: telling it at each request would say nothing new. */
const wanted: ReadonlySet<ErrorCode> = new Set(["starting", "read_only", "quota_exceeded"]);
