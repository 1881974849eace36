import type { Log } from "../../domain/log.ts";

/** A warning that is told once a minute at most, whoever gives it. */
export function createRareWarning(log: Pick<Log, "warn">): Log["warn"] {
  let warnedAtMs = -Infinity;
  return (message, fields) => {
    const nowMs = performance.now();
    if (nowMs - warnedAtMs < warningMsMin) return;
    warnedAtMs = nowMs;
    log.warn(message, fields);
  };
}

// --- internal ---

const warningMsMin = 60_000;
