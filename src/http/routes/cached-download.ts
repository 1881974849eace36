import type { Counters } from "../../domain/counters.ts";
import type { Registry } from "../../domain/registry.ts";
import { createBlobResponses } from "../blob-headers.ts";
import { asksForMore } from "./download.ts";
import { metadataPath } from "../path-map.ts";

/** What the answering of cached blobs needs. */
export interface CachedDownloadOptions {
  readonly registry: Registry;
  readonly counters: Counters;
}

const pathStart = `${metadataPath}/`;

/**
 * GET of a blob that is at hand, answered at once: no router, no promise, no parsed URL, no header
 * map of its own. Null when the request is anything else; the routes take it then.
 */
export function createCachedDownload(
  options: CachedDownloadOptions,
): (request: Request) => Response | null {
  const { registry, counters } = options;
  const toResponse = createBlobResponses();

  return function cachedDownload({ method, url, headers }) {
    if (method !== "GET") return null;
    const host = url.charCodeAt(4) === colon ? 7 : 8; // behind http:// or https://
    const start = url.indexOf("/", host);
    if (!url.startsWith(pathStart, start)) return null;
    const digits = url.slice(start + pathStart.length);
    if (digits.length !== 32 && digits.length !== 64) return null;
    if (asksForMore(headers)) return null;
    const blob = registry.peek(digits);
    if (blob === null) return null;
    counters.bytesSent += blob.bytesTotal;
    counters.responses[200] = (counters.responses[200] ?? 0) + 1;
    return toResponse(blob);
  };
}

// --- internal ---

const colon = 58;
