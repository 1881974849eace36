import { Elysia } from "elysia";
import {
  headMetadataDetail,
  healthDetail,
  loadMetadataDetail,
  readyDetail,
  saveMetadataDetail,
} from "./documents/operations.ts";
import { documentPaths, metadataPath, pathOf } from "./path-map.ts";

/** What the routes do. Each takes care of its own failures: none rejects. */
export interface Handlers {
  readonly saveMetadata: (request: Request) => Promise<Response>;
  readonly loadMetadata: (request: Request, hash: string) => Promise<Response>;
  readonly headMetadata: (request: Request, hash: string) => Promise<Response>;
  readonly health: (request: Request) => Promise<Response>;
  readonly ready: (request: Request) => Promise<Response>;
  /** Swagger UI, its assets and the document, by path. */
  readonly document: (request: Request) => Promise<Response>;
  /** What no route takes: 404, 405, or the answer to OPTIONS. */
  readonly unmatched: (request: Request) => Response;
}

/**
 * Every route of the registry, as a list. No hook but the one for what no route takes: a global
 * hook would cost a third of the throughput.
 */
export function createApi(handlers: Handlers) {
  const api = new Elysia({
    strictPath: true,
    // Else Elysia looks for the path from the 11th character of the URL on, and finds another one
    // when the host has fewer than four.
    handler: { standardHostname: false },
  })
    .onError(({ request }) => handlers.unmatched(request))
    .post(metadataPath, ({ request }) => handlers.saveMetadata(request), {
      parse: "none",
      detail: saveMetadataDetail,
    })
    .get(
      `${metadataPath}/:hash`,
      ({ request, params: { hash } }) => handlers.loadMetadata(request, keyTextOf(request, hash)),
      { detail: loadMetadataDetail },
    )
    .head(
      `${metadataPath}/:hash`,
      ({ request, params: { hash } }) => handlers.headMetadata(request, keyTextOf(request, hash)),
      { detail: headMetadataDetail },
    )
    .get("/healthz", ({ request }) => handlers.health(request), { detail: healthDetail })
    .head("/healthz", ({ request }) => handlers.health(request), { detail: { hide: true } })
    .get("/readyz", ({ request }) => handlers.ready(request), { detail: readyDetail })
    .head("/readyz", ({ request }) => handlers.ready(request), { detail: { hide: true } });
  for (const path of documentPaths) {
    api.get(path, ({ request }) => handlers.document(request), { detail: { hide: true } });
    api.head(path, ({ request }) => handlers.document(request), { detail: { hide: true } });
  }
  return api;
}

// --- internal ---

/** The key of a path; as it came where its percent-encoding is broken, which Elysia makes null. */
function keyTextOf(request: Request, decoded: string | null): string {
  return decoded ?? pathOf(request.url).slice(metadataPath.length + 1);
}
