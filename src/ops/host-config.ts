import { BlockList, isIP } from "node:net";
import { plainAddress } from "../http/forwarded.ts";
import type { FlagName } from "./flags.ts";
import { toQuoted } from "./printable.ts";
import type { Settings } from "./settings.ts";
import { UsageError } from "./usage-error.ts";

/** By which names the registry is reached, and whom it believes about them. */
export interface HostConfig {
  /** Lower case; null: no host names a blob. */
  readonly cdnDomain: string | null;
  /** Whether what sends from an address is a proxy of ours; null: nothing is. */
  readonly isTrustedProxy: ((address: string) => boolean) | null;
  /** Origins of pages that may upload, besides the registry's own, as browsers write them. */
  readonly uploadOrigins: ReadonlySet<string>;
}

/** @throws UsageError naming the flag or variable and what to do */
export function readHostConfig(settings: Settings): HostConfig {
  return {
    cdnDomain: readDomain(settings),
    isTrustedProxy: readProxies(settings),
    uploadOrigins: new Set(listOf(settings, "upload-origin").map(toOrigin)),
  };
}

// --- internal ---

/** Labels of letters, digits and inner dashes (RFC 1123 section 2.1). */
const domainName =
  /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** What browsers read as an IPv4 address (WHATWG URL, section 3.5). */
const endsInNumber = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/;
/** A blob's label of 52 characters and its dot must fit before it into 253. */
const domainCharactersMax = 200;

function readDomain(settings: Settings): string | null {
  const text = settings.text("cdn-domain");
  if (text === null) return null;
  const domain = text.toLowerCase().replace(/\.$/, "");
  const isName = domainName.test(domain) && !endsInNumber.test(domain);
  if (domain.length <= domainCharactersMax && isName) return domain;
  throw new UsageError(
    `${settings.sourceOf("cdn-domain")}: ${toQuoted(text)} is no domain name; write it without ` +
      "scheme, port, wildcard and path: cdn.example.org",
  );
}

function readProxies(settings: Settings): HostConfig["isTrustedProxy"] {
  const texts = listOf(settings, "trusted-proxy");
  if (texts.length === 0) return null;
  const proxies = new BlockList();
  for (const { text, source } of texts) addNetwork(proxies, text, source);
  return (address) => {
    const plain = plainAddress(address);
    const family = isIP(plain);
    return family !== 0 && proxies.check(plain, family === 4 ? "ipv4" : "ipv6");
  };
}

function addNetwork(proxies: BlockList, text: string, source: string): void {
  const [address = "", length, ...more] = text.split("/");
  const family = isIP(address);
  const bits = family === 4 ? 32 : 128;
  const prefix = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (family === 0 || more.length > 0 || prefix < 0 || prefix > bits) {
    throw new UsageError(
      `${source}: ${toQuoted(text)} is no address and no network; write 192.0.2.1 or 10.0.0.0/8`,
    );
  }
  proxies.addSubnet(address, prefix, family === 4 ? "ipv4" : "ipv6");
}

function toOrigin({ text, source }: ListItem): string {
  const url = URL.parse(text);
  const isOrigin =
    url !== null && /^https?:$/.test(url.protocol) && /^https?:\/\/[^/?#@]+\/?$/i.test(text);
  if (isOrigin) return url.origin;
  throw new UsageError(
    `${source}: ${toQuoted(text)} is no origin; write scheme, host and port, if it is not the ` +
      "scheme's own: https://app.example.org",
  );
}

interface ListItem {
  readonly text: string;
  readonly source: string;
}

/** The parts of a list between commas. */
function listOf(settings: Settings, name: FlagName): ListItem[] {
  const text = settings.text(name);
  const source = settings.sourceOf(name) ?? `--${name}`;
  if (text === null) return [];
  return text.split(",").map((part) => ({ text: part.trim(), source }));
}
