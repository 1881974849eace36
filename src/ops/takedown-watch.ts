import type { DeniedKeys } from "../domain/denied-keys.ts";
import type { BlobKey } from "../domain/blob-key.ts";
import type { Hashing } from "../domain/hasher.ts";
import { limits } from "../domain/limits.ts";
import type { Log } from "../domain/log.ts";
import { readRows } from "../storage/blob-rows.ts";
import type { Database } from "../storage/database.ts";
import { readChanges, removeDenied, type TakedownChange } from "../storage/takedowns.ts";

/** Knows what has been taken down, here and elsewhere. */
export interface TakedownWatch {
  /** Reads all of it, before anything is served; from then on looks for more, again and again. */
  begin(): Promise<void>;
  /** Looks at once. Never fails: what cannot be read is read later. */
  look(): Promise<void>;
  /** How long ago it has been read, in ms. */
  ageMs(): number;
  /** Resolves once no look is under way. */
  stop(): Promise<void>;
}

/** What the watch needs. */
export interface TakedownWatchOptions {
  readonly database: Database;
  readonly hashing: Hashing;
  readonly denied: DeniedKeys;
  /** Drops from memory what a key names. */
  readonly forget: (key: BlobKey) => void;
  /** Whether it may remove what others stored of what is taken down. */
  readonly mayRemove: boolean;
  /** How long a write that began before a key was denied here may take until it is committed. */
  readonly writeMsMax: number;
  readonly log: Log;
  readonly lookEveryMs?: number;
}

/** Watches from `begin` on; one look at a time. */
export function watchTakedowns(options: TakedownWatchOptions): TakedownWatch {
  const { log, lookEveryMs = limits.takedownLookMs } = options;
  const remover = createRemover(options);
  const read = createReader(options, remover);
  let readAt = performance.now();
  let looking: Promise<void> | null = null;
  let timer: ReturnType<typeof setInterval> | null = null;
  let isFailing = false;

  async function readAndRemove(): Promise<void> {
    try {
      await read();
      readAt = performance.now();
      if (isFailing) log.info("what has been taken down can be read again");
      isFailing = false;
    } catch (error) {
      if (!isFailing) {
        log.warn("what has been taken down cannot be read; going on with what is known", { error });
      }
      isFailing = true;
      return;
    }
    await remover.work();
  }

  async function look(): Promise<void> {
    await looking;
    looking ??= readAndRemove().finally(() => {
      looking = null;
    });
    await looking;
  }

  return {
    async begin() {
      await read();
      readAt = performance.now();
      timer = setInterval(() => {
        if (looking === null) void look();
      }, lookEveryMs);
      void look();
    },
    look,
    ageMs: () => performance.now() - readAt,
    async stop() {
      if (timer !== null) clearInterval(timer);
      remover.stop();
      await looking;
    },
  };
}

// --- internal ---

/** Changes by their numbers, both inclusive. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** Reads what has changed since the last time, and denies it from then on. */
function createReader(options: TakedownWatchOptions, remover: Remover): () => Promise<void> {
  const { database, denied, forget, writeMsMax, log } = options;
  let latest = 0;
  let isFull = false;

  /** Whether a change is news. */
  function learn({ key, isLifted }: TakedownChange): boolean {
    if (isLifted) return denied.takedowns.delete(key);
    if (denied.takedowns.has(key)) return false;
    if (denied.takedowns.size >= limits.deniedKeysMax) {
      if (!isFull) log.error("too many keys are taken down: the last ones are not denied here");
      isFull = true;
      return false;
    }
    denied.takedowns.add(key);
    forget(key);
    return true;
  }

  return async () => {
    // Again what came last: a standby that was promoted may have lost some numbers, and given them
    // to other changes.
    let after = Math.max(0, latest - limits.takedownsReadAgain);
    for (;;) {
      const changes = await readChanges(database, after, limits.takedownsPerRead);
      const [first] = changes.filter(learn);
      const last = changes.at(-1)?.change ?? after;
      if (first !== undefined) remover.note({ from: first.change, to: last }, writeMsMax);
      latest = Math.max(latest, last);
      if (changes.length < limits.takedownsPerRead) return;
      after = last - 1; // several rows may share a number
    }
  };
}

interface Remover {
  /** What was taken down by these changes is to be removed, and again after `againMs`. */
  note(span: Span, againMs: number): void;
  /** Removes what is due. Never fails: what cannot be removed is tried again. */
  work(): Promise<void>;
  stop(): void;
}

/** Keys that are looked for at once. */
const keysPerLook = 64;

/**
 * Removes rows of what is taken down: those that were stored by a registry which had not heard of
 * it yet, this one or another, or that a restored copy of the database brought back. None of
 * them is served. The keys are read from the database again, since there may be many.
 */
function createRemover(options: TakedownWatchOptions): Remover {
  const { database, hashing, denied, mayRemove, log } = options;
  let due: (Span & { readonly atMs: number })[] = [];
  const ending = new AbortController();

  async function removeOf({ from, to }: Span): Promise<number> {
    let removed = 0;
    let after = from - 1;
    while (!ending.signal.aborted && after < to) {
      const changes = await readChanges(database, after, keysPerLook);
      const keys = changes.map(({ key }) => key).filter((key) => denied.takedowns.has(key));
      const rows = await readRows(database, keys, false);
      for (const [index, key] of keys.entries()) {
        if ((rows[index] ?? null) !== null) removed += await removeDenied(database, hashing, key);
      }
      const last = changes.at(-1)?.change ?? to;
      if (changes.length < keysPerLook) break;
      after = Math.max(after + 1, last - 1);
    }
    return removed;
  }

  return {
    note(span, againMs) {
      if (!mayRemove) return;
      const now = performance.now();
      due.push({ ...span, atMs: now }, { ...span, atMs: now + againMs });
    },
    async work() {
      const now = performance.now();
      const spans = due.filter(({ atMs }) => atMs <= now);
      try {
        for (const span of spans) {
          const rows = await removeOf(span);
          due = due.filter((other) => other !== span);
          if (rows > 0) log.info("stored bytes of taken-down keys removed", { rows });
        }
      } catch (error) {
        log.warn("taken-down bytes could not be removed; trying again later", { error });
      }
    },
    stop() {
      ending.abort();
    },
  };
}
