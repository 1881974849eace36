import { currentSpan } from "../tracing/current.ts";

/** What a request says of the trace that it belongs to (W3C Trace Context, section 3.2). */
export interface Traceparent {
  readonly traceId: string;
  /** The span that asks. */
  readonly parentId: string;
  /** Whether whoever asks records the trace. */
  readonly isSampled: boolean;
}

/** What a line of the log says of the trace of a request; `span_id` only where it is recorded. */
export interface TraceFields {
  readonly trace_id?: string;
  readonly span_id?: string;
}

/**
 * The trace that a request belongs to, by its `traceparent`; null when it has none that is valid. A
 * later version may say more than ours does.
 */
export function readTraceparent(headers: Headers): Traceparent | null {
  const text = headers.get("traceparent");
  if (text === null) return null;
  const [, version = "", traceId = "", parentId = "", flags = "", more = ""] =
    traceparent.exec(text) ?? [];
  if (traceId === "" || version === "ff" || (version === "00" && more !== "")) return null;
  return { traceId, parentId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** What to log of the trace of the request that is being answered: ours, else its own. */
export function traceFieldsOf(headers: Headers): TraceFields {
  const span = currentSpan();
  if (span !== null) return { trace_id: span.traceId, span_id: span.spanId };
  const parent = readTraceparent(headers);
  return parent === null ? {} : { trace_id: parent.traceId };
}

// --- internal ---

const traceparent =
  /^([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
