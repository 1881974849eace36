import type { Log } from "../../domain/log.ts";
import { estimateSize, type DatabaseSize } from "../../storage/database-size.ts";
import type { MeasuredDatabase } from "../../storage/measured-database.ts";

/** Knows about how much the database holds. */
export interface SizeWatch {
  /** Asks soon, and then every 30 s, from now on; once is enough. */
  begin(): void;
  /** What was found last; null: nothing yet. */
  latest(): SizeFound | null;
  /** Asks now, if nobody does. Never fails. */
  ask(): Promise<void>;
  /** Resolves once no question is under way. */
  stop(): Promise<void>;
}

/** What was found, and what this registry had stored when it was asked for. */
export interface SizeFound extends DatabaseSize {
  readonly bytesStoredBefore: number;
}

/** What the watch needs. */
export interface SizeWatchOptions {
  readonly database: MeasuredDatabase;
  readonly log: Log;
  /** Bytes that this registry has stored so far; left out: they do not count. */
  readonly bytesStored?: () => number;
}

/** At first not before the first requests, which SQLite would hold up. */
const delayMs = 500;
const periodMs = 30_000;

/**
 * Asks the database now and then, but for while it is out: beside the requests, and never for one
 * who reads the metrics.
 */
export function watchSize(options: SizeWatchOptions): SizeWatch {
  const { database, log, bytesStored = () => 0 } = options;
  let latest: SizeFound | null = null;
  let asking: Promise<void> | null = null;
  let timers: NodeJS.Timeout[] = [];

  async function find(): Promise<void> {
    const bytesStoredBefore = bytesStored();
    try {
      latest = { ...(await estimateSize(database)), bytesStoredBefore };
    } catch (error) {
      log.debug("the size of the database is not known; asking again later", { error });
    }
  }

  async function ask(): Promise<void> {
    asking ??= find().finally(() => {
      asking = null;
    });
    await asking;
  }

  function askIfThere(): void {
    if (!database.counts.isOut()) void ask();
  }

  function begin(): void {
    if (timers.length > 0) return;
    timers = [setTimeout(askIfThere, delayMs), setInterval(askIfThere, periodMs)];
    for (const timer of timers) timer.unref();
  }

  return {
    begin,
    latest: () => latest,
    ask,
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await asking;
    },
  };
}
