import { toHex } from "../domain/bytes.ts";
import type { Budget } from "../domain/budget.ts";
import type { Counters } from "../domain/counters.ts";
import { RegistryError } from "../domain/errors.ts";
import type { Log } from "../domain/log.ts";
import type { Registry } from "../domain/registry.ts";
import type { Handlers } from "./api.ts";
import { createAnswering } from "./answering.ts";
import { createLargeBody } from "./large-body.ts";
import type { Destinations } from "./destinations.ts";
import { parseHostLabel } from "./host-label.ts";
import { createOriginGuard, preflightFields } from "./origins.ts";
import { methodsOf, namedMethodsOf, pathOf, toUnmatched } from "./path-map.ts";
import { createDownload } from "./routes/download.ts";
import { documents } from "./routes/documents.ts";
import { health, ready, type ReadinessChecks } from "./routes/health.ts";
import { createExists } from "./routes/exists.ts";
import { createPut } from "./routes/put.ts";
import { createUpload } from "./routes/upload.ts";
import { declaredBytesOf } from "./upload-body.ts";
import { createReceiving } from "./receiving.ts";
import type { Sending } from "./sending.ts";

/** What the handlers need. */
export interface HandlersOptions {
  readonly registry: Registry;
  readonly checks: ReadinessChecks;
  readonly counters: Counters;
  readonly log: Log;
  /** What all requests under way may hold of memory together. */
  readonly budget: Budget;
  readonly sending: Sending;
  readonly blobBytesMax: number;
  /** How long the database work of one request may take in all. */
  readonly workMsMax: number;
  readonly destinations: Destinations;
  /** Origins of pages that may upload, besides the registry's own. */
  readonly uploadOrigins: ReadonlySet<string>;
  /**
   * Throws what there is against taking an upload now, before its body is read; is given its
   * length, where that is announced. Left out: nothing.
   */
  readonly guardUpload?: (bytes: number | null) => void;
}

/** What every route does, with a problem document for whatever goes wrong. */
export function createHandlers(options: HandlersOptions): Handlers {
  const { registry, checks, counters, log, budget, sending } = options;
  const { blobBytesMax, workMsMax, destinations, guardUpload } = options;
  const { answer, refuse, count } = createAnswering({ log, counters });
  const receive = createReceiving({ registry, budget, blobBytesMax, storeMsMax: workMsMax });
  const guardOrigin = createOriginGuard(options);
  const upload = createUpload({ receive, destinations });
  const put = createPut({ registry, receive, destinations });
  const exists = createExists(registry, budget);
  const largeBody = createLargeBody({ log, counters });
  const download = createDownload({ registry, largeBody, sending, counters, workMsMax });

  /** What changes something, and so is not taken from everybody's pages. */
  function change(request: Request, handler: () => Promise<Response>): Promise<Response> {
    return answer(request, async () => {
      guardOrigin(request);
      guardUpload?.(declaredBytesOf(request));
      return await handler();
    });
  }

  async function answerUnmatched(
    request: Request,
    methods: readonly string[] | null,
  ): Promise<Response> {
    const found = toUnmatched(request.method, methods);
    if ("error" in found) {
      const { error, allow } = found;
      return await refuse(request, error, allow === undefined ? {} : { Allow: allow });
    }
    const headers = { Allow: found.methods.join(", "), ...preflightFields(found.methods) };
    return count(new Response(null, { status: 204, headers }));
  }

  /** On a host that names a blob there is nothing but the blob. */
  function answerNamed(request: Request, label: string): Promise<Response> {
    const { method } = request;
    const methods = namedMethodsOf(pathOf(request.url));
    if (methods === null) return refuse(request, nothingBesides());
    if (method !== "GET" && method !== "HEAD") return answerUnmatched(request, methods);
    const load = method === "GET" ? download.get : download.head;
    return answer(request, async () => await load(request, toHex(parseHostLabel(label))));
  }

  return {
    named(request) {
      try {
        const label = destinations.labelOf(request);
        return label === null ? null : answerNamed(request, label);
      } catch (error) {
        return refuse(request, error);
      }
    },
    saveMetadata: (request) => change(request, () => upload(request)),
    findMissing: (request) => answer(request, () => exists(request)),
    loadMetadata: (request, hash) => answer(request, () => download.get(request, hash)),
    headMetadata: (request, hash) => answer(request, () => download.head(request, hash)),
    putMetadata: (request, hash) => change(request, () => put(request, hash)),
    health: (request) => answer(request, health),
    ready: (request) => answer(request, () => ready(checks)),
    document: (request) => answer(request, () => documents(request)),
    unmatched: (request) => answerUnmatched(request, methodsOf(pathOf(request.url))),
  };
}

// --- internal ---

function nothingBesides(): RegistryError {
  return new RegistryError(
    "route_not_found",
    "This host names a blob, which is at /; the API is at the domain above it.",
  );
}
