import type { BlobKey } from "../domain/blob-key.ts";
import type { Counters } from "../domain/counters.ts";
import type { DeniedKeys } from "../domain/denied-keys.ts";
import { RegistryError } from "../domain/errors.ts";
import type { Hashing } from "../domain/hasher.ts";
import type { KeySet } from "../domain/key-set.ts";
import { limits } from "../domain/limits.ts";
import type { Log } from "../domain/log.ts";
import type { Check } from "../http/routes/health.ts";
import type { Database } from "../storage/database.ts";
import type { Config } from "./config.ts";
import { readDenyList } from "./deny-list.ts";
import type { SizeWatch } from "./metrics/size-watch.ts";
import { createQuota, type Quota } from "./quota.ts";
import { watchTakedowns } from "./takedown-watch.ts";

/** What an operator holds the registry back with. */
export interface Brakes {
  /** To be waited for before anything is served. @throws when it is not known what is taken down */
  begin(): Promise<void>;
  /**
   * Refuses an upload before its body is read; `bytes`, where they are announced.
   * @throws RegistryError `read_only` or `quota_exceeded`
   */
  guardUpload(bytes: number | null): void;
  /** Reads the deny list and what is taken down again, at once. Never fails. */
  reload(): Promise<void>;
  /** What /readyz tells of them; none of it makes the registry unready. */
  checks(): Readonly<Record<string, Check>>;
  readonly state: BrakeState;
  /** Resolves once nothing of theirs is under way. */
  stop(): Promise<void>;
}

/** What metrics tell of them. */
export interface BrakeState {
  readonly isReadOnly: boolean;
  readonly quota: Quota;
  readonly denied: DeniedKeys;
  /** How long ago it has been read what is taken down, in ms. */
  readonly takedownAgeMs: () => number;
}

/** What the brakes need. */
export interface BrakesOptions {
  readonly config: Pick<Config, "readOnly" | "storedBytesMax" | "denyListFile">;
  readonly database: Database;
  readonly size: SizeWatch;
  readonly hashing: Hashing;
  readonly counters: Counters;
  readonly denied: DeniedKeys;
  /** The deny list as it was read at the start; null: there is none. */
  readonly denyList: KeySet | null;
  /** Drops from memory what a key names. */
  readonly forget: (key: BlobKey) => void;
  /** How long the database work of one request may take in all. */
  readonly workMsMax: number;
  readonly log: Log;
}

/** The brakes, as configured. */
export function createBrakes(options: BrakesOptions): Brakes {
  const { config, size, counters, denied, denyList, workMsMax, log } = options;
  const { readOnly, storedBytesMax: bytesMax, denyListFile } = config;
  const quota = createQuota({ bytesMax, size: size.latest, counters, log });
  const takedowns = watchTakedowns({
    ...options,
    mayRemove: !readOnly,
    writeMsMax: 2 * workMsMax,
  });
  if (denyList !== null) denied.replaceList(denyList);
  let reloading: Promise<void> = Promise.resolve();

  async function reload(): Promise<void> {
    if (denyListFile !== null) await reloadList(denyListFile);
    await takedowns.look();
  }

  async function reloadList(file: string): Promise<void> {
    try {
      const list = await readDenyList(file);
      denied.replaceList(list);
      await forgetAll(list, options.forget);
      log.info("deny list read", { keys: list.size });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const fields = { keys: denied.list().size, why };
      log.error("the deny list cannot be read: the one before stays in force", fields);
    }
  }

  return {
    async begin() {
      await takedowns.begin();
      if (bytesMax > 0) {
        size.begin();
        await size.ask();
      }
      if (denyList !== null) log.info("deny list read", { keys: denyList.size });
    },
    guardUpload(bytes) {
      if (readOnly) throw readOnlyHere();
      quota.refuse(bytes ?? 0);
    },
    reload() {
      reloading = reloading.then(reload);
      return reloading;
    },
    checks: () => ({
      ...(readOnly ? { read_only: told("uploads are refused: --read-only") } : {}),
      ...(bytesMax > 0 ? { quota: tellQuota(quota) } : {}),
      ...tellAge(takedowns.ageMs()),
    }),
    state: { isReadOnly: readOnly, quota, denied, takedownAgeMs: takedowns.ageMs },
    async stop() {
      await reloading;
      await takedowns.stop();
    },
  };
}

// --- internal ---

/** Keys that are forgotten in one turn. */
const keysPerTurn = 4096;

async function forgetAll(list: KeySet, forget: (key: BlobKey) => void): Promise<void> {
  let count = 0;
  for (const key of list.keys()) {
    forget(key);
    count += 1;
    if (count % keysPerTurn === 0) await Bun.sleep(0);
  }
}

function readOnlyHere(): RegistryError {
  return new RegistryError(
    "read_only",
    "The operator lets this registry read only; send uploads to another one.",
  );
}

function told(detail: string): Check {
  return { status: "ok", detail, ageMs: 0 };
}

function tellQuota(quota: Quota): Check {
  const used = quota.bytesUsed();
  if (used === null) return told("it is not known yet how much is stored");
  const share = `${Math.floor((100 * used) / quota.bytesMax)} % of --max-stored-bytes`;
  if (used < quota.bytesMax) return told(share);
  return { ...told(`${share}: uploads are refused`), status: "degraded" };
}

function tellAge(ageMs: number): Readonly<Record<string, Check>> {
  if (ageMs <= limits.takedownAgeMsMax) return {};
  const seconds = Math.round(ageMs / 1000);
  return {
    takedowns: {
      status: "degraded",
      detail: `not read for ${seconds} s: what was taken down since is not known here`,
      ageMs: Math.round(ageMs),
    },
  };
}
