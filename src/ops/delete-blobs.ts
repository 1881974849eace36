import type { BlobKey } from "../domain/blob-key.ts";
import { isRetryable, RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import type { Log } from "../domain/log.ts";
import { createHashing } from "../hashing/blake3.ts";
import type { Database } from "../storage/database.ts";
import { countTakedowns, liftTakedown, takeDown } from "../storage/takedowns.ts";
import { beside } from "./beside.ts";
import { openMigrated, toWorkError, type DatabaseConfig } from "./open-database.ts";

/** What became of a key. */
export type Deletion =
  /** Its blob is removed, and `hash` denied from now on. */
  | { readonly outcome: "deleted"; readonly hash: BlobKey; readonly rows: number }
  /** There was no blob; the key is denied all the same. */
  | { readonly outcome: "absent" }
  /** It had been taken down before, and nothing of it was there. */
  | { readonly outcome: "known" }
  /** It is denied no more, and was. */
  | { readonly outcome: "lifted" }
  /** Nothing was to be lifted. */
  | { readonly outcome: "not_taken_down" }
  /** Nothing was done, nor is for the keys that come behind where `isLast`. */
  | { readonly outcome: "failed"; readonly why: string; readonly isLast: boolean };

/** What to do, and whom to tell. */
export interface DeletionOptions {
  readonly keys: Iterable<BlobKey>;
  /** Lifts takedowns instead. */
  readonly isUndo: boolean;
  /** Aborted when it is to stop, after the key under way. */
  readonly signal: AbortSignal;
  onOutcome(key: BlobKey, deletion: Deletion): void;
}

/**
 * Takes keys down, or lifts that, one after the other, beside the registries that use the database,
 * which hear of it within seconds. Ends early when the database is out.
 * @throws StartError when the database cannot be opened, or lets this user not do so
 */
export async function deleteBlobs(
  config: DatabaseConfig,
  log: Log,
  options: DeletionOptions,
): Promise<void> {
  const { database, ran } = await openMigrated(beside(config), log);
  if (ran.length > 0) log.info("database migrated", { migrations: ran });
  try {
    const work = options.isUndo ? createLifting(database) : createTakingDown(database);
    for (const key of options.keys) {
      if (options.signal.aborted) return;
      const deletion = await work(key).catch(toFailure);
      options.onOutcome(key, deletion);
      if (deletion.outcome === "failed" && deletion.isLast) return;
    }
  } catch (error) {
    throw toWorkError(error, config); // a right that is missing, say
  } finally {
    await database.close();
  }
}

// --- internal ---

type Work = (key: BlobKey) => Promise<Deletion>;

function createTakingDown(database: Database): Work {
  const hashing = createHashing();
  let left: number | null = null;

  return async (key) => {
    left ??= limits.deniedKeysMax - (await countTakedowns(database));
    if (left <= 0) {
      const why = `${limits.deniedKeysMax} keys are taken down, and no more can be`;
      return { outcome: "failed", why, isLast: true };
    }
    const takedown = await takeDown(database, hashing, key);
    if (takedown === null) {
      const why = "these 32 digits fit several blobs; give all 64 of the one that is meant";
      return { outcome: "failed", why, isLast: false };
    }
    const { denied: hash, wasDenied, rows } = takedown;
    if (!wasDenied) left -= 1;
    if (rows > 0) return { outcome: "deleted", hash, rows };
    return { outcome: wasDenied ? "known" : "absent" };
  };
}

function createLifting(database: Database): Work {
  return async (key) => {
    const lifted = await liftTakedown(database, key);
    return { outcome: lifted > 0 ? "lifted" : "not_taken_down" };
  };
}

function toFailure(error: unknown): Deletion {
  if (!(error instanceof RegistryError)) throw error;
  return { outcome: "failed", why: error.message, isLast: isRetryable(error.code) };
}
