import { reasonOf } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import type { Check, ReadinessChecks } from "../http/routes/health.ts";
import type { Trouble } from "../storage/breaker.ts";

/** How long a look at the database counts; so /readyz costs it one statement a second at most. */
const lookMsMax = 1000;

/** What the registry is doing, as /readyz tells it. */
export type Phase = "starting" | "serving" | "stopping";

/** What readiness depends on. */
export interface ReadinessOptions {
  readonly phase: () => Phase;
  /** Asks the database something; rejects when it does not answer. */
  readonly probe: () => Promise<unknown>;
  /** What else is told; left out: nothing. */
  readonly notes?: () => Readonly<Record<string, Check>>;
  /** The time, in ms from any moment; by default that of the process. */
  readonly now?: () => number;
  /** How long a look may take before it counts as a bad one. */
  readonly waitMsMax?: number;
}

/**
 * The checks of /readyz. Whoever asks while one is looking gets what that one finds, or, once it
 * has taken too long, that it does; so there is one look at a time, however long a database hangs.
 */
export function createReadiness(options: ReadinessOptions): ReadinessChecks {
  const { phase, probe, now = () => performance.now() } = options;
  const { waitMsMax = limits.readinessMsMax, notes = () => ({}) } = options;
  let latest: Look | null = null;
  let looking: Looking | null = null;

  async function database(): Promise<Check> {
    if (phase() === "starting") {
      return { status: "unavailable", detail: "not connected yet", ageMs: 0 };
    }
    const { status, detail, at } = await freshLook();
    return { status, detail, ageMs: Math.round(now() - at) };
  }

  async function freshLook(): Promise<Look> {
    if (latest !== null && now() - latest.at <= lookMsMax) return latest;
    looking ??= { since: now(), found: look() };
    const { since, found } = looking;
    const leftMs = Math.max(0, waitMsMax - (now() - since));
    return (await firstOf(found, leftMs)) ?? tooLong(since);
  }

  function tooLong(since: number): Look {
    const seconds = Math.round((now() - since) / 100) / 10;
    return { status: "unavailable", detail: `no answer for ${seconds} s`, at: since };
  }

  async function look(): Promise<Look> {
    latest = { ...(await ask()), at: now() };
    looking = null;
    return latest;
  }

  async function ask(): Promise<Omit<Look, "at">> {
    try {
      await probe();
      return { status: "ok", detail: "answers" };
    } catch (error) {
      return { status: "unavailable", detail: reasonOf(error) };
    }
  }

  return async () => {
    const checks: Record<string, Check> = { database: await database(), ...notes() };
    if (phase() === "stopping") {
      checks["lifecycle"] = { status: "unavailable", detail: "stopping", ageMs: 0 };
    }
    return checks;
  };
}

/**
 * What /readyz tells of uploads once one could not be stored, until one is: that the database may
 * only be read, or that its disk is full. Reads go on, so none of it makes the registry unready.
 */
export function uploadChecks(trouble: Trouble | null): Readonly<Record<string, Check>> {
  if (trouble === null) return {};
  const detail = `the last one failed: ${reasonOf(trouble.error)}`;
  const ageMs = Math.round(performance.now() - trouble.sinceMs);
  return { uploads: { status: "degraded", detail, ageMs } };
}

// --- internal ---

interface Look extends Omit<Check, "ageMs"> {
  readonly at: number;
}

/** A look under way. */
interface Looking {
  readonly since: number;
  readonly found: Promise<Look>;
}

/** What is found within `msMax`; null when that takes longer. */
async function firstOf(found: Promise<Look>, msMax: number): Promise<Look | null> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(resolve, msMax, null);
  try {
    return await Promise.race([found, promise]);
  } finally {
    clearTimeout(timer);
  }
}
