import type { Counters } from "../domain/counters.ts";
import { limits } from "../domain/limits.ts";
import type { Log } from "../domain/log.ts";
import type { Database } from "../storage/database.ts";
import { retireOrphans } from "../storage/orphans.ts";
import { canFindOwners, databaseTimeMs, sweepUploads } from "../storage/uploads.ts";
import { createClockWatch } from "./clock-watch.ts";

/** A worker that removes what broken uploads left behind, and segments that nobody has. */
export interface Sweeper {
  /** Resolves once a sweep under way has ended. */
  stop(): Promise<void>;
}

/** What a sweeper needs. */
export interface SweeperOptions {
  readonly database: Database;
  readonly counters: Counters;
  readonly log: Log;
}

/** Sweeps at once, and then every `limits.sweepIntervalMs`; one sweep at a time. */
export function startSweeper({ database, counters, log }: SweeperOptions): Sweeper {
  let sweeping: Promise<void> | null = null;
  /** Where the walk through everything that has segments goes on. */
  let lookedUpTo: string | null = null;
  let hasTold = false;
  const clock = createClockWatch();

  async function sweep(): Promise<void> {
    try {
      const nowMs = await databaseTimeMs(database);
      if (!clock.isSteady(nowMs)) {
        log.warn("the database's clock is not as expected: abandoned uploads stay for now");
        return;
      }
      const swept = await sweepUploads(database, nowMs);
      counters.uploadsSwept += swept;
      if (swept > 0) log.info("abandoned uploads removed", { uploads: swept });
      await lookForOrphans();
    } catch (error) {
      log.warn("abandoned uploads could not be removed; trying again later", { error });
    }
  }

  /** Orphans become abandoned uploads: an hour later a sweep removes them. */
  async function lookForOrphans(): Promise<void> {
    if (!(await canFindOwners(database, "health"))) {
      if (!hasTold) log.info("orphaned segments are not looked for: see docs/integrity.md");
      hasTold = true;
      return;
    }
    const { orphans, next } = await retireOrphans(database, lookedUpTo, limits.uploadsPerSweepMax);
    lookedUpTo = next;
    if (orphans.length === 0) return;
    log.warn("segments that no blob has: they will be removed", { uploads: orphans.length });
  }

  function begin(): void {
    sweeping ??= sweep().finally(() => {
      sweeping = null;
    });
  }

  begin();
  const timer = setInterval(begin, limits.sweepIntervalMs);
  return {
    async stop() {
      clearInterval(timer);
      await sweeping;
    },
  };
}
