import type { Counters } from "../domain/counters.ts";
import type { Log } from "../domain/log.ts";
import type { Registry } from "../domain/registry.ts";
import type { Handlers } from "./api.ts";
import { createAnswering } from "./answering.ts";
import { createLargeBody } from "./large-body.ts";
import { pathOf, toUnmatched } from "./path-map.ts";
import { createDownload } from "./routes/download.ts";
import { documents } from "./routes/documents.ts";
import { health, ready, type ReadinessChecks } from "./routes/health.ts";
import { createExists } from "./routes/exists.ts";
import { createPut } from "./routes/put.ts";
import { createUpload } from "./routes/upload.ts";
import { createReceiving } from "./receiving.ts";

/** What the handlers need. */
export interface HandlersOptions {
  readonly registry: Registry;
  readonly checks: ReadinessChecks;
  readonly counters: Counters;
  readonly log: Log;
  readonly blobBytesMax: number;
  /** How long the database work of one request may take in all. */
  readonly workMsMax: number;
}

/** What every route does, with a problem document for whatever goes wrong. */
export function createHandlers(options: HandlersOptions): Handlers {
  const { registry, checks, counters, log, blobBytesMax, workMsMax } = options;
  const { answer, refuse, count } = createAnswering({ log, counters });
  const receive = createReceiving({ registry, blobBytesMax, storeMsMax: workMsMax });
  const upload = createUpload(receive);
  const put = createPut({ registry, receive });
  const exists = createExists(registry);
  const largeBody = createLargeBody({ log, counters, gatherMsMax: workMsMax });
  const download = createDownload({ registry, largeBody, counters });

  return {
    saveMetadata: (request) => answer(request, () => upload(request)),
    findMissing: (request) => answer(request, () => exists(request)),
    loadMetadata: (request, hash) => answer(request, () => download.get(request, hash)),
    headMetadata: (request, hash) => answer(request, () => download.head(request, hash)),
    putMetadata: (request, hash) => answer(request, () => put(request, hash)),
    health: (request) => answer(request, health),
    ready: (request) => answer(request, () => ready(checks)),
    document: (request) => answer(request, () => documents(request)),
    async unmatched(request) {
      const found = toUnmatched(request.method, pathOf(request.url));
      if (!("error" in found)) {
        return count(new Response(null, { status: 204, headers: { Allow: found.allow } }));
      }
      return await refuse(
        request,
        found.error,
        found.allow === undefined ? {} : { Allow: found.allow },
      );
    },
  };
}
