import { limits } from "../../domain/limits.ts";
import type { ReadinessChecks } from "../../http/routes/health.ts";
import type { Attributes } from "../metrics/metric.ts";
import { attributesOf, addUp } from "./reading.ts";
import { refusalsOf, refusalsPrefix } from "./figures.ts";
import { panels } from "./panels.ts";
import type { Sampler } from "./sampler.ts";
import type { Snapshot } from "./snapshot.ts";
import { totalsOf } from "./totals.ts";

/** What a snapshot is made from. */
export interface SnapshotSources {
  readonly sampler: Sampler;
  readonly checks: ReadinessChecks;
}

/**
 * Everything that is known, of samples only those after `sinceMs`; of all, where the newest is
 * older, since then it was told by a process that is no more. At most `statusSamplesMax` of them.
 * Looks at readiness as `/readyz` does.
 */
export async function takeSnapshot(
  { sampler, checks }: SnapshotSources,
  sinceMs: number,
): Promise<Snapshot> {
  const found = await checks();
  const { history } = sampler;
  if (history.times().length === 0) sampler.sample();
  const metrics = sampler.read();
  const newestMs = history.times().at(-1) ?? 0;
  const fromMs = newestMs < sinceMs ? -Infinity : sinceMs;
  return {
    nowMs: Date.now(),
    periodMs: limits.statusSampleMs,
    windowMs: limits.statusSampleMs * limits.statusSamplesMax,
    about: toTexts(attributesOf(metrics, "registry.build_info")),
    uptimeSeconds: Math.floor(addUp(metrics, "process.uptime")),
    checks: Object.entries(found).map(([name, { status, detail }]) => ({ name, status, detail })),
    totals: totalsOf(metrics),
    refusals: Array.from(refusalsOf(metrics), ([code, total]) => ({
      code,
      recent: recentOf(sampler, code),
      total,
    })).toSorted((a, b) => b.recent - a.recent || b.total - a.total),
    times: history.times(fromMs),
    figures: Object.fromEntries(
      shown.map((name) => [name, history.column(name, fromMs).map(toShort)]),
    ),
  };
}

// --- internal ---

const shown = panels.flatMap(({ lines }) => lines.map(({ figure }) => figure));

function recentOf({ history }: Sampler, code: string): number {
  const counts = history.column(`${refusalsPrefix}${code}`);
  return counts.reduce((sum, count) => sum + (Number.isNaN(count) ? 0 : count), 0);
}

function toTexts(attributes: Attributes): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, `${value}`]));
}

/** With as many digits as a chart can show. */
function toShort(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(5)) : null;
}
