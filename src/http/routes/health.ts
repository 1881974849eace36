import { readableFields } from "../origins.ts";

/** What a check of readiness found. */
export interface Check {
  /** "degraded": a part is out, the rest works, and requests may come. */
  readonly status: "ok" | "degraded" | "unavailable";
  readonly detail: string;
  /** How long ago it was looked at. */
  readonly ageMs: number;
}

/** Looks at what the registry needs, by name. Never fails. */
export type ReadinessChecks = () => Promise<Readonly<Record<string, Check>>>;

/** GET /healthz and /livez, the same by two names: the process serves. */
export async function health(): Promise<Response> {
  return json({ status: "ok" }, 200);
}

/** GET /readyz: whether the registry can do its work; load balancers ask this. */
export async function ready(checks: ReadinessChecks): Promise<Response> {
  const found = Object.entries(await checks());
  const isReady = found.every(([, { status }]) => status !== "unavailable");
  const body = {
    status: isReady ? "ok" : "unavailable",
    checks: Object.fromEntries(
      found.map(([name, { status, detail, ageMs }]) => [name, { status, detail, age_ms: ageMs }]),
    ),
  };
  return json(body, isReady ? 200 : 503);
}

// --- internal ---

function json(body: unknown, status: number): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      "Content-Type": "application/json",
      "Cache-Control": "no-store",
      ...readableFields,
      ...(status === 503 ? { "Retry-After": "1" } : {}),
    },
  });
}
