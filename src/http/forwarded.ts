import { readParameter } from "../multipart/boundary.ts";

/** What a proxy says of the request that it passed on; null where it says nothing. */
export interface Forwarded {
  readonly host: string | null;
  readonly scheme: string | null;
}

/**
 * Reads Forwarded (RFC 7239), or X-Forwarded-Host and X-Forwarded-Proto where it says nothing. Only
 * for a request whose sender is a trusted proxy: anybody can write these fields. Each proxy adds
 * to their end, so what counts is the last element, or the one before it if that was sent by a
 * trusted proxy, and so on.
 */
export function readForwarded(
  headers: Headers,
  isTrusted: (address: string) => boolean,
): Forwarded {
  const element = clientElementOf(headers.get("forwarded") ?? "", isTrusted);
  return {
    host: readParameter(element, "host") ?? lastOf(headers.get("x-forwarded-host")),
    scheme: readParameter(element, "proto") ?? lastOf(headers.get("x-forwarded-proto")),
  };
}

// --- internal ---

/** What stands between commas, but for those within quotes. */
const elements = /(?:[^,"]|"(?:[^"\\]|\\.)*")+/gs;

function clientElementOf(forwarded: string, isTrusted: (address: string) => boolean): string {
  let client = "";
  for (const element of (forwarded.match(elements) ?? []).toReversed()) {
    client = element;
    const sender = readParameter(element, "for");
    if (sender === null || !isTrusted(addressOf(sender))) break;
  }
  return client;
}

/** A node without its port: `192.0.2.43:47011`, `[2001:db8::17]:4711` (RFC 7239 section 6). */
function addressOf(node: string): string {
  return /^\[(.*)\]/.exec(node)?.[1] ?? node.replace(/:\d+$/, "");
}

function lastOf(list: string | null): string | null {
  const last = list?.split(",").at(-1)?.trim() ?? "";
  return last === "" ? null : last;
}
