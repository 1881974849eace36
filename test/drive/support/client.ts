import type { Bytes } from "../../../src/domain/bytes.ts";

/** A request, and how long its answer may take. */
export interface Asked {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Bytes | string | ReadableStream<Bytes>;
  readonly deadlineMs: number;
}

/** Why there is no status: nobody listened; the connection ended; nothing came in time. */
type Trouble = "refused" | "cut" | "hung";

/** What became of a request. */
export interface Outcome {
  readonly status: number | Trouble;
  readonly headers: Headers;
  /** The whole body; null when it broke off before its end, or there was no answer. */
  readonly bytes: Bytes | null;
  /** By `performance.now()`. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** Asks, and waits for the whole answer. Never rejects. */
export async function ask({ url, deadlineMs, ...init }: Asked): Promise<Outcome> {
  const startedAt = performance.now();
  let status: Outcome["status"] = "cut";
  let headers = new Headers();
  let bytes: Outcome["bytes"] = null;
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(deadlineMs) });
    ({ status, headers } = response);
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    const trouble = troubleOf(error);
    // A body that breaks off tells what it is not whole; one that never ends is hung.
    if (typeof status !== "number" || trouble === "hung") status = trouble;
  }
  return { status, headers, bytes, startedAt, endedAt: performance.now() };
}

/** The `code` of a problem document; "" when it is none. */
export function codeOf({ bytes }: Outcome): string {
  try {
    const { code } = JSON.parse(new TextDecoder().decode(bytes ?? undefined)) as { code?: string };
    return code ?? "";
  } catch {
    return "";
  }
}

// --- internal ---

function troubleOf(error: unknown): Trouble {
  const { name, code } = error as { readonly name?: string; readonly code?: string };
  if (name === "TimeoutError") return "hung";
  return code === "ECONNREFUSED" ? "refused" : "cut";
}
