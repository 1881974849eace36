/** A host as a request names it (RFC 9110 section 7.2): lower case, without a dot at the end. */
export interface Authority {
  readonly host: string;
  /** With its colon, e.g. `:8080`; "" when it is not told. */
  readonly port: string;
}

/** Reads `host[:port]`; null when it is none. */
export function parseAuthority(text: string): Authority | null {
  const found = authority.exec(text);
  if (found === null) return null;
  const [, host = "", port = ""] = found;
  return { host: host.toLowerCase().replace(/\.$/, ""), port: port === ":" ? "" : port };
}

/** The authority of a request's URL as text, without building a URL object. */
export function authorityTextOf(url: string): string {
  const start = url.indexOf("//") + 2;
  const end = url.indexOf("/", start);
  return end < 0 ? url.slice(start) : url.slice(start, end);
}

// --- internal ---

/** A name or an IPv4 address, or an IPv6 address in brackets, and a port (RFC 3986 section 3.2). */
const authority = /^([a-z0-9_](?:[a-z0-9._-]*)|\[[0-9a-f:.]+\])(:\d{0,5})?$/i;
