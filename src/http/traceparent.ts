/**
 * The trace that a request belongs to, by its `traceparent` (W3C Trace Context, section 3.2); null
 * when it has none that is valid. A later version may say more than ours does.
 */
export function traceIdOf(headers: Headers): string | null {
  const text = headers.get("traceparent");
  if (text === null) return null;
  const [, version = "", traceId = "", more = ""] = traceparent.exec(text) ?? [];
  if (traceId === "" || version === "ff" || (version === "00" && more !== "")) return null;
  return traceId;
}

// --- internal ---

const traceparent =
  /^([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;
