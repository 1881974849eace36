import { Elysia } from "elysia";
import {
  findMissingDetail,
  headMetadataDetail,
  loadMetadataDetail,
  putMetadataDetail,
  saveMetadataDetail,
} from "./documents/blob-operations.ts";
import { healthDetail, liveDetail, readyDetail } from "./documents/health-operations.ts";
import { documentPaths, existsPath, keyTextOf, metadataPath, pathOf } from "./path-map.ts";
import type { Fetch } from "./server.ts";

/** What the routes do. Each takes care of its own failures: none rejects. */
export interface Handlers {
  /** What answers a request to a host that names a blob; null for every other host. */
  readonly named: (request: Request) => Promise<Response> | null;
  readonly saveMetadata: (request: Request) => Promise<Response>;
  readonly findMissing: (request: Request) => Promise<Response>;
  readonly loadMetadata: (request: Request, hash: string) => Promise<Response>;
  readonly headMetadata: (request: Request, hash: string) => Promise<Response>;
  readonly putMetadata: (request: Request, hash: string) => Promise<Response>;
  readonly health: (request: Request) => Promise<Response>;
  readonly ready: (request: Request) => Promise<Response>;
  /** Swagger UI, its assets and the document, by path. */
  readonly document: (request: Request) => Promise<Response>;
  /** What no route takes: 404, 405, or the answer to OPTIONS. */
  readonly unmatched: (request: Request) => Promise<Response>;
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
    .post(existsPath, ({ request }) => handlers.findMissing(request), {
      parse: "none",
      detail: findMissingDetail,
    })
    .get(
      `${metadataPath}/:hash`,
      ({ request, params: { hash } }) => handlers.loadMetadata(request, hash),
      { detail: loadMetadataDetail },
    )
    .head(
      `${metadataPath}/:hash`,
      ({ request, params: { hash } }) => handlers.headMetadata(request, hash),
      { detail: headMetadataDetail },
    )
    .put(
      `${metadataPath}/:hash`,
      ({ request, params: { hash } }) => handlers.putMetadata(request, hash),
      { parse: "none", detail: putMetadataDetail },
    )
    .get("/healthz", ({ request }) => handlers.health(request), { detail: healthDetail })
    .head("/healthz", ({ request }) => handlers.health(request), { detail: { hide: true } })
    .get("/livez", ({ request }) => handlers.health(request), { detail: liveDetail })
    .head("/livez", ({ request }) => handlers.health(request), { detail: { hide: true } })
    .get("/readyz", ({ request }) => handlers.ready(request), { detail: readyDetail })
    .head("/readyz", ({ request }) => handlers.ready(request), { detail: { hide: true } });
  for (const path of documentPaths) {
    api.get(path, ({ request }) => handlers.document(request), { detail: { hide: true } });
    api.head(path, ({ request }) => handlers.document(request), { detail: { hide: true } });
  }
  return api;
}

/**
 * Answers requests by the routes. Blobs come and go without them: what everybody asks for need not
 * be looked up, and on a path with a parameter Elysia passes a HEAD route over, runs that of GET,
 * and reads its body to the end to count it.
 */
export function createFetch(handlers: Handlers): Fetch {
  const { fetch: route } = createApi(handlers);
  const asks = new Map([
    ["GET", handlers.loadMetadata],
    ["HEAD", handlers.headMetadata],
    ["PUT", handlers.putMetadata],
  ]);

  function answer(request: Request): ReturnType<Fetch> {
    const named = handlers.named(request);
    if (named !== null) return named;
    const path = pathOf(request.url);
    if (request.method === "POST" && path === metadataPath) return handlers.saveMetadata(request);
    const ask = asks.get(request.method);
    if (ask === undefined) return route(request);
    const key = keyTextOf(path);
    if (key !== null) return ask(request, key);
    // To Elysia this would be a key.
    return path === existsPath ? handlers.unmatched(request) : route(request);
  }

  return answer;
}
