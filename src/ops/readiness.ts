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
}

/** The checks of /readyz. Whoever asks while one is looking gets what that one finds. */
export function createReadiness({ phase, probe }: ReadinessOptions): ReadinessChecks {
  let latest: Promise<Look> | null = null;
  let startedAt = 0;

  async function database(): Promise<Check> {
    if (phase() === "starting") {
      return { status: "unavailable", detail: "not connected yet", ageMs: 0 };
    }
    if (latest === null || performance.now() - startedAt > lookMsMax) {
      startedAt = performance.now();
      latest = look(probe);
    }
    const { status, detail, at } = await latest;
    return { status, detail, ageMs: Math.round(performance.now() - at) };
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

async function look(probe: () => Promise<unknown>): Promise<Look> {
  try {
    await probe();
    return { status: "ok", detail: "answers", at: performance.now() };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { status: "unavailable", detail, at: performance.now() };
  }
}
