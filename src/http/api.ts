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

/** Every route of the registry, as a list, of which the OpenAPI document is made too. */
export function createApi(handlers: Handlers) {
  const api = new Elysia()
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
 * Answers requests by the routes. They are looked up here: Elysia's own router looks for the path
 * from a fixed character of the URL on, which is wrong for `https://` or for short hosts, and on a
 * path with a parameter it passes a HEAD route over, runs that of GET, and reads its body to the
 * end to count it.
 */
export function createFetch(handlers: Handlers): Fetch {
  const routes = new Map<string, Route>();
  for (const { method, path, handler } of createApi(handlers).routes) {
    routes.set(`${method} ${path}`, handler as unknown as Route);
  }
  const asks = new Map([
    ["GET", handlers.loadMetadata],
    ["HEAD", handlers.headMetadata],
    ["PUT", handlers.putMetadata],
  ]);

  function answer(request: Request): ReturnType<Fetch> {
    const named = handlers.named(request);
    if (named !== null) return named;
    const path = pathOf(request.url);
    const { method } = request;
    if (method === "POST" && path === metadataPath) return handlers.saveMetadata(request);
    const key = keyTextOf(path);
    const ask = key === null ? undefined : asks.get(method);
    if (key !== null && ask !== undefined) return ask(request, key);
    const route = routes.get(`${method} ${path}`);
    return route === undefined ? handlers.unmatched(request) : route({ request });
  }

  return answer;
}

// --- internal ---

/** What a route does, which needs nothing of Elysia's context but the request. */
type Route = (context: { readonly request: Request }) => Promise<Response>;
