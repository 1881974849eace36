import { toHex } from "../domain/bytes.ts";
import type { Budget } from "../domain/budget.ts";
import type { Counters } from "../domain/counters.ts";
import { RegistryError } from "../domain/errors.ts";
import type { Log } from "../domain/log.ts";
import type { Registry } from "../domain/registry.ts";
import type { Handlers } from "./api.ts";
import { createAnswering, type Answering } from "./answering.ts";
import { createLargeBody } from "./large-body.ts";
import type { Destinations } from "./destinations.ts";
import { parseHostLabel } from "./host-label.ts";
import type { RateLimits } from "./guards/rate-limits.ts";
import type { TokenGuard } from "./guards/tokens.ts";
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
  /** Whom uploads, and questions about many blobs, are taken from; null, or left out: everybody. */
  readonly guardToken?: TokenGuard | null;
  /** How much each client may ask for; left out: as much as it likes. */
  readonly rateLimits?: Pick<RateLimits, "uploads" | "reads">;
  /**
   * Throws what there is against taking an upload now, before its body is read; is given its
   * length, where that is announced. Left out: nothing.
   */
  readonly guardUpload?: (bytes: number | null) => void;
}

/** What every route does, with a problem document for whatever goes wrong. */
export function createHandlers(options: HandlersOptions): Handlers {
  const { registry, checks, counters, log, budget, sending } = options;
  const { blobBytesMax, workMsMax, destinations } = options;
  const { answer, refuse, count } = createAnswering({ log, counters });
  const receive = createReceiving({
    registry,
    budget,
    blobBytesMax,
    spendBytes: options.rateLimits?.uploads?.spend ?? null,
    storeMsMax: workMsMax,
  });
  const { change, ask, read } = createAdmission(options, answer);
  const upload = createUpload({ receive, destinations });
  const put = createPut({ registry, receive, destinations });
  const exists = createExists(registry, budget);
  const largeBody = createLargeBody({ log, counters });
  const download = createDownload({ registry, largeBody, sending, counters, workMsMax });

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
    return read(request, async () => await load(request, toHex(parseHostLabel(label))));
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
    findMissing: (request) => ask(request, () => exists(request)),
    loadMetadata: (request, hash) => read(request, () => download.get(request, hash)),
    headMetadata: (request, hash) => read(request, () => download.head(request, hash)),
    putMetadata: (request, hash) => change(request, () => put(request, hash)),
    health: (request) => answer(request, health),
    ready: (request) => answer(request, () => ready(checks)),
    document: (request) => answer(request, () => documents(request)),
    unmatched: (request) => answerUnmatched(request, methodsOf(pathOf(request.url))),
  };
}

// --- internal ---

/** Lets in those who may, as often as they may. */
function createAdmission(options: HandlersOptions, answer: Answering["answer"]) {
  const { guardToken, guardUpload } = options;
  const { uploads, reads } = options.rateLimits ?? { uploads: null, reads: null };
  const guardOrigin = createOriginGuard(options);

  /** What changes something, and so is not taken from everybody's pages. */
  function change(request: Request, handler: () => Promise<Response>): Promise<Response> {
    const answering = answer(request, async () => {
      // In this order: whoever has no token does not learn, either, whether uploads are taken now.
      guardOrigin(request);
      const bearer = guardToken?.(request) ?? null;
      uploads?.admit(request, bearer);
      guardUpload?.(declaredBytesOf(request));
      return await handler();
    });
    return uploads?.told(request, answering) ?? answering;
  }

  /** What tells of many blobs at once, for those who may upload them. */
  function ask(request: Request, handler: () => Promise<Response>): Promise<Response> {
    const answering = answer(request, async () => {
      const bearer = guardToken?.(request) ?? null;
      uploads?.admitQuestion(request, bearer);
      return await handler();
    });
    return uploads?.told(request, answering) ?? answering;
  }

  /** What gives a blob, or tells of it. */
  function read(request: Request, handler: () => Promise<Response>): Promise<Response> {
    if (reads === null) return answer(request, handler);
    const answering = answer(request, async () => {
      reads.admit(request);
      return await handler();
    });
    return reads.told(request, answering);
  }

  return { change, ask, read };
}

function nothingBesides(): RegistryError {
  return new RegistryError(
    "route_not_found",
    "This host names a blob, which is at /; the API is at the domain above it.",
  );
}
