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

/**
 * The address of the client that a request was sent for: its sender's, or, where that is a trusted
 * proxy, what Forwarded, else X-Forwarded-For, says of who sent to it, and so on. What is no
 * address (`unknown`, a name made up) is not believed.
 */
export function readClient(
  headers: Headers,
  sender: string,
  isTrusted: ((address: string) => boolean) | null,
): string {
  let client = plainAddress(sender);
  if (isTrusted === null || !isTrusted(client)) return client;
  for (const node of nodesOf(headers).toReversed()) {
    const address = plainAddress(addressOf(node));
    if (!addressForm.test(address)) break;
    client = address;
    if (!isTrusted(address)) break;
  }
  return client;
}

/** An address as people write it: on a socket of both families IPv4 comes as ::ffff:192.0.2.1. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}

// --- internal ---

/** An address of either family; whether its numbers are in range is nobody's concern here. */
const addressForm =
  /^(?=.{2,45}$)(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:]*(?:\.\d{1,3}){0,3})$/i;

/** Who sent to each proxy, the last one's sender last; "" where it does not say. */
function nodesOf(headers: Headers): readonly string[] {
  const forwarded = headers.get("forwarded");
  if (forwarded !== null) {
    return (forwarded.match(elements) ?? []).map((element) => readParameter(element, "for") ?? "");
  }
  return (headers.get("x-forwarded-for") ?? "").split(",").map((node) => node.trim());
}

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
  return /^\[(.*)\]/.exec(node)?.[1] ?? node.replace(/^([^:]*):\d+$/, "$1");
}

function lastOf(list: string | null): string | null {
  const last = list?.split(",").at(-1)?.trim() ?? "";
  return last === "" ? null : last;
}
