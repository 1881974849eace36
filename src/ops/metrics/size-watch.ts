import type { Log } from "../../domain/log.ts";
import { estimateSize, type DatabaseSize } from "../../storage/database-size.ts";
import type { MeasuredDatabase } from "../../storage/measured-database.ts";

/** Knows about how much the database holds. */
export interface SizeWatch {
  /** What was found last; null: nothing yet. */
  latest(): DatabaseSize | null;
  /** Resolves once no question is under way. */
  stop(): Promise<void>;
}

/** At first not before the first requests, which SQLite would hold up. */
const delayMs = 500;
const periodMs = 30_000;

/**
 * Asks the database soon, and then every 30 s, but for while it is out: beside the requests, and
 * never for one who reads the metrics.
 */
export function watchSize(database: MeasuredDatabase, log: Log): SizeWatch {
  let latest: DatabaseSize | null = null;
  let asking: Promise<void> | null = null;

  async function ask(): Promise<void> {
    try {
      latest = await estimateSize(database);
    } catch (error) {
      log.debug("the size of the database is not known; asking again later", { error });
    }
  }

  function begin(): void {
    if (database.counts.isOut()) return;
    asking ??= ask().finally(() => {
      asking = null;
    });
  }

  const timers = [setTimeout(begin, delayMs), setInterval(begin, periodMs)];
  for (const timer of timers) timer.unref();
  return {
    latest: () => latest,
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await asking;
    },
  };
}
