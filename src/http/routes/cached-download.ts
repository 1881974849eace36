import { prefixBytes } from "../../domain/blob-key.ts";
import type { BlobPeek } from "../../domain/blob-store.ts";
import type { Counters } from "../../domain/counters.ts";
import { createBlobResponses } from "../blob-headers.ts";
import { asksForMore } from "./download.ts";
import type { ReadLimit } from "../guards/rate-limits.ts";
import type { Destinations } from "../destinations.ts";
import { metadataPath } from "../path-map.ts";
import type { Sending } from "../sending.ts";

/** What the answering of cached blobs needs. */
export interface CachedDownloadOptions {
  readonly registry: BlobPeek;
  readonly sending: Pick<Sending, "tryCharge">;
  readonly counters: Counters;
  readonly destinations: Pick<Destinations, "labelOf">;
  /** Left out, or null: everybody may read as much as they like. */
  readonly limit?: Pick<ReadLimit, "admitAtHand" | "policyText"> | null;
}

const pathStart = `${metadataPath}/`;

/**
 * GET of a whole blob that is at hand, answered at once: no router, no promise, no parsed URL, no
 * header map of its own. Null when the request is anything else; the routes take it then.
 */
export function createCachedDownload(
  options: CachedDownloadOptions,
): (request: Request) => Response | null {
  const { registry, sending, counters, destinations, limit = null } = options;
  const toResponse = createBlobResponses();
  const toToldResponse = createBlobResponses({ "RateLimit-Policy": limit?.policyText ?? "" });

  /** What may be the digits of a key, in the host or in the path; "" where there are none. */
  function digitsAsked(request: Request): string {
    const { url } = request;
    const label = labelIn(request);
    const host = url.charCodeAt(4) === colon ? 7 : 8; // behind http:// or https://
    const start = url.indexOf("/", host);
    if (label !== null) return isName(label, url.slice(start)) ? label : "";
    return url.startsWith(pathStart, start) ? url.slice(start + pathStart.length) : "";
  }

  function labelIn(request: Request): string | null {
    try {
      return destinations.labelOf(request);
    } catch {
      return ""; // the routes tell what is wrong with it
    }
  }

  return function cachedDownload(request) {
    if (request.method !== "GET") return null;
    const digits = digitsAsked(request);
    if (digits.length !== 32 && digits.length !== 64) return null;
    if (asksForMore(request.headers)) return null;
    const blob = registry.peek(digits);
    if (blob === null) return null;
    // "": nobody has looked whose it is. What is charged here and then left to the routes, because
    // the budget has no room for it, is charged twice; who is refused there is told why.
    const told = limit === null ? "" : limit.admitAtHand(request);
    if (told === null || !sending.tryCharge(request, blob.bytesTotal)) return null;
    counters.bytesSent += blob.bytesTotal;
    counters.responses[200] = (counters.responses[200] ?? 0) + 1;
    return told === "" ? toResponse(blob) : toToldResponse(blob, told);
  };
}

// --- internal ---

/** Whether a label is the first digits of a hash, and the root of its host is asked for. */
function isName(label: string, target: string): boolean {
  return label.length === 2 * prefixBytes && /^\/(?:\?|$)/.test(target);
}

const colon = 58;
