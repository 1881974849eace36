import type { Check, ReadinessChecks } from "../http/routes/health.ts";

/** How long a look at the database counts; so /readyz costs it one statement a second at most. */
const lookMsMax = 1000;

/** What the registry is doing, as /readyz tells it. */
export type Phase = "starting" | "serving" | "stopping";

/** What readiness depends on. */
export interface ReadinessOptions {
  readonly phase: () => Phase;
  /** Asks the database something; rejects when it does not answer. */
  readonly probe: () => Promise<unknown>;
  /** The time, in ms from any moment; by default that of the process. */
  readonly now?: () => number;
}

/** The checks of /readyz. Whoever asks while one is looking gets what that one finds. */
export function createReadiness(options: ReadinessOptions): ReadinessChecks {
  const { phase, probe, now = () => performance.now() } = options;
  let latest: Look | null = null;
  let looking: Promise<Look> | null = null;

  async function database(): Promise<Check> {
    if (phase() === "starting") {
      return { status: "unavailable", detail: "not connected yet", ageMs: 0 };
    }
    const { status, detail, at } = await freshLook();
    return { status, detail, ageMs: Math.round(now() - at) };
  }

  async function freshLook(): Promise<Look> {
    if (latest !== null && now() - latest.at <= lookMsMax) return latest;
    looking ??= look().finally(() => {
      looking = null;
    });
    latest = await looking;
    return latest;
  }

  async function look(): Promise<Look> {
    try {
      await probe();
      return { status: "ok", detail: "answers", at: now() };
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return { status: "unavailable", detail, at: now() };
    }
  }

  return async () => {
    const checks: Record<string, Check> = { database: await database() };
    if (phase() === "stopping") {
      checks["lifecycle"] = { status: "unavailable", detail: "stopping", ageMs: 0 };
    }
    return checks;
  };
}

// --- internal ---

interface Look extends Omit<Check, "ageMs"> {
  readonly at: number;
}
