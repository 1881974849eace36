import { isIP } from "node:net";
import { hostname } from "node:os";

/**
 * Whether a request may be answered that names this host. A page elsewhere can have its own name
 * point to this machine (DNS rebinding), and would then read what is here as its own. So a browser
 * must name an address, `localhost`, a name without dots, this machine's own, or the host that was
 * configured; programs, which no page can drive, may use any name.
 */
export function mayAsk(headers: Headers, configuredHost: string): boolean {
  const host = headers.get("host");
  if (host === null || !isBrowser(headers)) return true;
  const name = nameOf(host);
  return (
    isIP(name) !== 0 ||
    !name.includes(".") ||
    name.endsWith(".localhost") ||
    name === hostname().toLowerCase() ||
    name === configuredHost.toLowerCase()
  );
}

// --- internal ---

/** Browsers send these always; a page can change one, but take none away. */
const browserFields = ["accept-language", "origin", "sec-fetch-site"] as const;

function isBrowser(headers: Headers): boolean {
  const agent = headers.get("user-agent") ?? "";
  return agent.startsWith("Mozilla/") || browserFields.some((name) => headers.has(name));
}

/** The name without its port, and an address without its brackets. */
function nameOf(host: string): string {
  const { 1: address, 2: name } = /^(?:\[(.*)\]|(.*?))\.?(?::\d*)?$/.exec(host) ?? [];
  return (address ?? name ?? "").toLowerCase();
}
