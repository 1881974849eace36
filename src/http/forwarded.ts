import { isIP } from "node:net";
import { readParameter } from "../multipart/boundary.ts";
import { clientNetworkOf } from "../rate-limit/client-network.ts";

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
 * proxy, what Forwarded or X-Forwarded-For says of who sent to it, and so on. What is no address
 * (`unknown`, a name made up) is not believed. A proxy may write one of the two fields and pass the
 * other on as its client wrote it: where they tell of two clients, neither is believed.
 */
export function readClient(
  headers: Headers,
  sender: string,
  isTrusted: ((address: string) => boolean) | null,
): string {
  const proxy = plainAddress(sender);
  if (isTrusted === null || !isTrusted(proxy)) return proxy;
  const forwarded = headers.get("forwarded");
  const list = headers.get("x-forwarded-for");
  const clients = [
    ...(forwarded === null ? [] : [clientIn(nodesOf(forwarded), proxy, isTrusted)]),
    ...(list === null ? [] : [clientIn(list.split(","), proxy, isTrusted)]),
  ];
  const [client = proxy, other = client] = clients;
  const isOne = client === other || clientNetworkOf(client) === clientNetworkOf(other);
  return isOne ? client : proxy;
}

/** An address as people write it: on a socket of both families IPv4 comes as ::ffff:192.0.2.1. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}

// --- internal ---

/** Of those who sent to each other, the proxy's sender last: the last who is no trusted proxy. */
function clientIn(
  nodes: readonly string[],
  proxy: string,
  isTrusted: (address: string) => boolean,
): string {
  let client = proxy;
  for (const node of nodes.toReversed()) {
    const address = plainAddress(addressOf(node.trim()));
    // A zone says something on one machine alone, and may be as long as one likes.
    if (isIP(address) === 0 || address.includes("%")) break;
    client = address;
    if (!isTrusted(address)) break;
  }
  return client;
}

/** Who sent to each proxy; "" where it does not say. */
function nodesOf(forwarded: string): readonly string[] {
  return elementsOf(forwarded).map((element) => readParameter(element, "for") ?? "");
}

/**
 * What stands between commas, but for those within quotes; nothing where a quote is not closed: it
 * may be a client's, to make what its proxy adds a part of its own.
 */
function elementsOf(forwarded: string): readonly string[] {
  return balanced.test(forwarded) ? (forwarded.match(elements) ?? []) : [];
}

const balanced = /^(?:[^"]|"(?:[^"\\]|\\.)*")*$/s;
const elements = /(?:[^,"]|"(?:[^"\\]|\\.)*")+/gs;

function clientElementOf(forwarded: string, isTrusted: (address: string) => boolean): string {
  let client = "";
  for (const element of elementsOf(forwarded).toReversed()) {
    client = element;
    const sender = readParameter(element, "for");
    if (sender === null || !isTrusted(addressOf(sender))) break;
  }
  return client;
}

/**
 * A node without its port, which may be one made up: `192.0.2.43:47011`, `[2001:db8::17]:_x` (RFC
 * 7239 section 6).
 */
function addressOf(node: string): string {
  return /^\[(.*)\]/.exec(node)?.[1] ?? node.replace(/^([^:]*):(?:\d+|_[\w.-]+)$/, "$1");
}

function lastOf(list: string | null): string | null {
  const last = list?.split(",").at(-1)?.trim() ?? "";
  return last === "" ? null : last;
}
