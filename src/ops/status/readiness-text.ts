import type { Check } from "./snapshot.ts";

/** Whether the registry is ready, in a line. */
export function describeReadiness(checks: readonly Check[]): {
  readonly text: string;
  readonly isReady: boolean;
} {
  const bad = checks.filter(({ status }) => status !== "ok");
  if (bad.length === 0) return { text: "Ready", isReady: true };
  const reasons = bad.map(({ name, detail }) => `${name}: ${detail}`);
  return { text: `Not ready: ${reasons.join("; ")}`, isReady: false };
}
