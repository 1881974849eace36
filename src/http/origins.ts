import { RegistryError } from "../domain/errors.ts";
import { parseAuthority, type Authority } from "./authority.ts";
import type { Destinations } from "./destinations.ts";
import type { Fields } from "./problem.ts";

/** What lets pages of every origin read an answer, all of it (Fetch, section 3.3: CORS). */
export const readableFields: Fields = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": "*",
};

/** The answer to a preflight: what pages may send to a path that takes these methods. */
export function preflightFields(methods: readonly string[]): Fields {
  return {
    ...readableFields,
    "Access-Control-Allow-Methods": methods.filter((method) => method !== "OPTIONS").join(", "),
    "Access-Control-Allow-Headers": sendableFields,
    "Access-Control-Max-Age": String(preflightSecondsMax),
  };
}

/** Whose pages may change something. */
export interface OriginGuardOptions {
  /** Besides the registry's own, as browsers write them. */
  readonly uploadOrigins: ReadonlySet<string>;
  readonly destinations: Pick<Destinations, "of">;
}

/**
 * Refuses a request that changes something and comes from a page of another origin. CORS would not:
 * a form is sent without asking, and only its answer is kept from the page. The scheme is not
 * looked at, for a proxy may have taken TLS off.
 * @throws RegistryError `origin_not_allowed`
 */
export function createOriginGuard({
  uploadOrigins,
  destinations,
}: OriginGuardOptions): (request: Request) => void {
  return (request) => {
    const origin = request.headers.get("origin");
    if (origin === null || uploadOrigins.has(origin)) return;
    if (isOwn(origin, destinations.of(request))) return;
    throw new RegistryError(
      "origin_not_allowed",
      "Pages of this origin may not upload here; the operator allows it with --upload-origin " +
        "(or, for the registry's own page behind a proxy, lets the proxy pass Host on).",
    );
  };
}

// --- internal ---

/** Whether a page is of the host that was asked; some proxies write the usual port, others not. */
function isOwn(origin: string, { host, port }: Authority): boolean {
  const [, scheme, rest = ""] = /^(https?):\/\/(.*)$/.exec(origin) ?? [];
  const own = parseAuthority(rest);
  const usualPort = scheme === "https" ? ":443" : ":80";
  return own?.host === host && (own.port || usualPort) === (port || usualPort);
}

/** What requests of this interface may carry and browsers ask about first. */
const sendableFields = [
  "Authorization",
  "Content-Digest",
  "Content-Type",
  "If-Match",
  "If-Modified-Since",
  "If-None-Match",
  "If-Range",
  "If-Unmodified-Since",
  "Range",
  "Repr-Digest",
  "Want-Repr-Digest",
].join(", ");

/** A day; browsers cut it to what they like. */
const preflightSecondsMax = 86_400;
