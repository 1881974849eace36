import type { Counters } from "../domain/counters.ts";
import { limits } from "../domain/limits.ts";
import type { Log } from "../domain/log.ts";
import type { Database } from "../storage/database.ts";
import { sweepUploads } from "../storage/uploads.ts";

/** A worker that removes what broken uploads left behind. */
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

  async function sweep(): Promise<void> {
    try {
      const swept = await sweepUploads(database);
      counters.uploadsSwept += swept;
      if (swept > 0) log.info("abandoned uploads removed", { uploads: swept });
    } catch (error) {
      log.warn("abandoned uploads could not be removed; trying again later", { error });
    }
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
