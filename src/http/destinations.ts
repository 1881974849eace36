import type { BlobKey } from "../domain/blob-key.ts";
import { RegistryError } from "../domain/errors.ts";
import { authorityTextOf, parseAuthority, type Authority } from "./authority.ts";
import { readForwarded } from "./forwarded.ts";
import { hostLabelOf } from "./host-label.ts";

/** Where a client sent a request, as it sees it. */
interface Destination extends Authority {
  readonly scheme: "http" | "https";
}

/** Tells where requests were sent. */
export interface Destinations {
  /** @throws RegistryError `invalid_host` */
  of(request: Request): Destination;
  /**
   * What stands before `.<cdn-domain>` in the host; null for every other host, the domain itself
   * included.
   * @throws RegistryError `invalid_host`
   */
  labelOf(request: Request): string | null;
  /** The URL of a blob by its name, on the way this request came; null without a domain. */
  urlOf(request: Request, hash: BlobKey): string | null;
}

/** Who may tell where a request was sent, besides its Host. */
export interface DestinationsOptions {
  /** Below which every host names a blob; null: none does. */
  readonly cdnDomain: string | null;
  /** Whether what is at an address may say on whose behalf it sends; null: nobody may. */
  readonly isTrustedProxy: ((address: string) => boolean) | null;
  /** The address that a request comes from; null when that is not known. */
  readonly senderOf: (request: Request) => string | null;
}

/** Reads Host, and what trusted proxies say of it. */
export function createDestinations(options: DestinationsOptions): Destinations {
  const { cdnDomain, isTrustedProxy, senderOf } = options;
  const suffix = cdnDomain === null ? null : `.${cdnDomain}`;

  function of(request: Request): Destination {
    const { url, headers } = request;
    const scheme = url.startsWith("https:") ? "https" : "http";
    const sender = isTrustedProxy === null ? null : senderOf(request);
    if (isTrustedProxy === null || sender === null || !isTrustedProxy(sender)) {
      return { scheme, ...read(authorityTextOf(url)) };
    }
    const forwarded = readForwarded(headers, isTrustedProxy);
    return {
      scheme: schemeIn(forwarded.scheme) ?? scheme,
      ...read(forwarded.host ?? authorityTextOf(url)),
    };
  }

  function labelOf(request: Request): string | null {
    if (suffix === null) return null;
    const { host } = of(request);
    return host.endsWith(suffix) ? host.slice(0, -suffix.length) : null;
  }

  function urlOf(request: Request, hash: BlobKey): string | null {
    if (suffix === null) return null;
    const { scheme, port } = of(request);
    return `${scheme}://${hostLabelOf(hash)}${suffix}${port}/`;
  }

  return { of, labelOf, urlOf };
}

// --- internal ---

function read(text: string): Authority {
  const authority = parseAuthority(text);
  if (authority !== null) return authority;
  throw new RegistryError(
    "invalid_host",
    "The Host of the request is no host; send one name or address, with or without a port.",
  );
}

function schemeIn(text: string | null): "http" | "https" | null {
  const lower = text?.toLowerCase();
  return lower === "http" || lower === "https" ? lower : null;
}
