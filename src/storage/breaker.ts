import { databaseTimeout, withDeadline } from "../domain/deadline.ts";
import { hasCode, RegistryError, type ErrorCode } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import type { Log } from "../domain/log.ts";
import { within } from "../tracing/current.ts";
import type { Database, Lane } from "./database.ts";

/** Why the database did not do what it was asked. */
export interface Trouble {
  readonly error: RegistryError;
  /** When, on the clock of `performance`. */
  readonly sinceMs: number;
}

/** Keeps calls of one lane from waiting for a database that is out. */
export interface Breaker {
  /** Whether it is out, as far as is known. */
  isOut(): boolean;
  /** Why the last call failed; null when it did not, or for what it asked. */
  trouble(): Trouble | null;
  /** Makes a call, or fails at once with `database_unavailable`. */
  guard<T>(call: () => Promise<T>): Promise<T>;
  /** Asks no more whether it is back. */
  stop(): void;
}

/** What a breaker is about. */
export interface BreakerOptions {
  readonly database: Database;
  readonly lane: Lane;
  readonly log: Log;
}

/**
 * A circuit breaker (M. Nygard, Release It!): once a few calls in a row could not reach the
 * database, or got no answer at all, calls fail at once instead of waiting for their deadlines.
 * Whoever comes then asks first whether it is back, or waits a moment for who is asking already,
 * and so does a timer: the first call after its return works. What the database answers by itself,
 * a deadline or a refusal of its own included, is a sign that it is there.
 */
export function createBreaker({ database, lane, log }: BreakerOptions): Breaker {
  const { isUnreachable } = database.dialect;
  let failures = 0;
  let outSinceMs: number | null = null;
  let latest: Trouble | null = null;
  let looking: Look | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;

  function succeeded(): void {
    failures = 0;
    latest = null;
  }

  function failed(error: unknown): void {
    failures = isUnreachable(error) ? failures + 1 : 0;
    latest = troubleIn(error);
    if (failures < limits.breakerFailuresMax || outSinceMs !== null || isStopped) return;
    outSinceMs = performance.now();
    const what = "the database is out; what needs it is refused until it is back";
    log.warn(what, { lane, error });
    lookLater();
  }

  function lookLater(): void {
    clearTimeout(timer);
    timer = setTimeout(() => {
      looking ??= begin();
    }, limits.breakerPauseMs);
    timer.unref();
  }

  function begin(): Look {
    // Of nobody's trace: it is for all who wait, and goes on when whoever began it has gone.
    const found = within(null, look).finally(() => {
      looking = null;
      if (outSinceMs !== null && !isStopped) lookLater();
    });
    const late = Bun.sleep(limits.breakerJoinMsMax).then(() => false);
    return { found, soon: Promise.race([found, late]) };
  }

  async function look(): Promise<boolean> {
    const found = await whyOut(database, lane);
    latest = found;
    if (found !== null) return false;
    clearTimeout(timer);
    const seconds = Math.round((performance.now() - (outSinceMs ?? 0)) / 100) / 10;
    log.info("the database is back", { lane, seconds });
    outSinceMs = null;
    failures = 0;
    return true;
  }

  /** Not async: a promise more for each statement would be one more for each lone request. */
  function guard<T>(call: () => Promise<T>): Promise<T> {
    if (outSinceMs !== null) return whenBack(call);
    const answer = call();
    void answer.then(succeeded, failed);
    return answer;
  }

  async function whenBack<T>(call: () => Promise<T>): Promise<T> {
    const isBack = looking === null ? (looking = begin()).found : looking.soon;
    if (!(await isBack)) throw out(latest?.error);
    return await guard(call);
  }

  return {
    isOut: () => outSinceMs !== null,
    trouble: () => latest,
    guard,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

// --- internal ---

/** Asks a database something; null when it is there. */
async function whyOut(database: Database, lane: Lane): Promise<Trouble | null> {
  const msMax = limits.breakerLookMsMax;
  try {
    const answer = database.query(lane, "SELECT 1");
    await withDeadline(answer, msMax, () => databaseTimeout(msMax));
    return null;
  } catch (error) {
    // Connections that went dark may stay so when the network is back.
    if (hasCode(error, "database_timeout")) database.renew(lane);
    return database.dialect.isUnreachable(error) ? troubleIn(error) : null;
  }
}

/** What an error tells of the database; null: nothing, but of what it was asked. */
function troubleIn(error: unknown): Trouble | null {
  if (!(error instanceof RegistryError) || !troubles.has(error.code)) return null;
  return { error, sinceMs: performance.now() };
}

const troubles: ReadonlySet<ErrorCode> = new Set([
  "database_unavailable",
  "database_timeout",
  "storage_full",
]);

/** Somebody is asking whether it is back. Neither rejects. */
interface Look {
  readonly found: Promise<boolean>;
  /** The same for others who want to know: no, once they have waited long enough. */
  readonly soon: Promise<boolean>;
}

function out(cause: unknown): RegistryError {
  return new RegistryError(
    "database_unavailable",
    "The database cannot be reached at the moment; try again later.",
    { cause },
  );
}
