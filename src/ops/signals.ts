import { isatty } from "node:tty";
import type { Log } from "../domain/log.ts";

/** Why and how urgently the registry is to stop. */
export interface Stop {
  /** Resolves when it is to stop, with the exit code. */
  readonly asked: Promise<number>;
  /** Aborted at the same moment. */
  readonly signal: AbortSignal;
  /** Whether a second signal came: no more waiting. */
  isImpatient(): boolean;
  /** Resolves when it comes. */
  readonly impatience: Promise<void>;
  /** From now on SIGHUP does this; at once where it has come already. */
  onReload(reload: () => void): void;
}

/** Signals closer together than this are one. */
const repeatMsMax = 500;

/**
 * Listens for SIGTERM and SIGINT, and for failures that nobody caught: our own bugs, after which
 * the registry drains and exits 1 rather than go on in a state that nobody knows. SIGHUP asks it to
 * reload; where it comes because the terminal has gone, to stop.
 */
export function catchSignals(log: Log): Stop {
  const isOnTerminal = isatty(0);
  const controller = new AbortController();
  const { promise: asked, resolve } = Promise.withResolvers<number>();
  const { promise: impatience, resolve: losePatience } = Promise.withResolvers<void>();
  let signals = 0;
  let latestAt = -repeatMsMax;
  let reload: (() => void) | null = null;
  let isReloadMissed = false;

  function stop(exitCode: number): void {
    resolve(exitCode);
    controller.abort();
  }

  function onSignal(name: string): void {
    // One Ctrl-C may arrive twice: from the terminal, and passed on by `bun run`.
    if (performance.now() - latestAt < repeatMsMax) return;
    latestAt = performance.now();
    signals += 1;
    if (signals > 1) {
      log.warn("second signal: stopping at once", { signal: name });
      losePatience();
      return;
    }
    log.info("signal received", { signal: name });
    stop(0);
  }

  function onHangup(name: string): void {
    if (isOnTerminal && !isatty(0)) {
      onSignal(name);
      return;
    }
    log.info("signal received: reloading", { signal: name });
    if (reload === null) isReloadMissed = true;
    else reload();
  }

  function onFailure(error: unknown): void {
    log.error("a failure that nobody caught: stopping", { error });
    stop(1);
  }

  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  process.on("SIGHUP", onHangup);
  process.on("unhandledRejection", onFailure);
  process.on("uncaughtException", onFailure);
  return {
    asked,
    signal: controller.signal,
    isImpatient: () => signals > 1,
    impatience,
    onReload(next) {
      reload = next;
      if (isReloadMissed) next();
    },
  };
}
