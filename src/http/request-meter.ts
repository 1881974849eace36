import { createHistogram, durationBounds, record, type Histogram } from "../domain/histogram.ts";
import type { Destinations } from "./destinations.ts";
import { existsPath, keyTextOf, metadataPath, methodsOf, pathOf } from "./path-map.ts";

/** How long requests of one kind took, in seconds. */
interface RequestSeries {
  /** A method of RFC 9110 section 9.3 or RFC 5789, else `_OTHER`. */
  readonly method: string;
  /** One of `routes`. */
  readonly route: string;
  readonly status: number;
  readonly durations: Histogram;
}

/** What a request is, in values from bounded sets. */
export interface RequestKind {
  /** A method of RFC 9110 section 9.3 or RFC 5789, else `_OTHER`. */
  readonly method: string;
  /** One of the paths there are, a key in it as `{hash}`; null: there is no such path. */
  readonly route: string | null;
}

/** Measures requests, from their arrival until their answer is handed to Bun. */
export interface RequestMeter {
  /** A GET of a blob was answered with a blob at hand, in so many ms. Allocates nothing. */
  atHand(ms: number): void;
  /** Any other request was answered with this status. */
  answered(request: Request, status: number, ms: number): void;
  /** A request that is no GET and no HEAD waits for its answer; and has it. */
  began(request: Request): void;
  ended(request: Request): void;
  /**
   * How many of `requestsTotal`, which are under way, have which method. What is not known to have
   * another is taken for a GET: so nothing is counted for one. Answers that are still being sent
   * are among it, which take long for blobs alone.
   */
  active(requestsTotal: number): ReadonlyMap<string, number>;
  /** What a request is. A host that names a blob counts as the blob's path. */
  kindOf(request: Request): RequestKind;
  /** All kinds that there were. Their number is bounded, whatever is sent. */
  series(): Iterable<RequestSeries>;
}

/** Where a request goes, as labels have it: never a path as it was sent. */
export const routes = [metadataPath, `${metadataPath}/{hash}`, existsPath, "other"] as const;

/** The method of a request, as labels have it. */
export function methodOf({ method }: Request): string {
  return methodIndexes.has(method) ? method : other;
}

/** A meter that has seen nothing. A host that names a blob counts as the blob's path. */
export function createRequestMeter({ labelOf }: Pick<Destinations, "labelOf">): RequestMeter {
  const known = new Map<number, RequestSeries>();
  /** By method. What has been there once is told from then on. */
  const begun = new Map<string, number>();
  const hits = seriesOf(methodIndexes.get("GET") ?? 0, blobRoute, 200);

  function seriesOf(method: number, route: number, status: number): RequestSeries {
    // One number for the three: a text would have to be made for every request.
    const id = (status * methods.length + method) * routes.length + route;
    let series = known.get(id);
    if (series === undefined) {
      series = {
        method: methods[method] ?? other,
        route: routes[route] ?? "other",
        status,
        durations: createHistogram(durationBounds),
      };
      known.set(id, series);
    }
    return series;
  }

  function count(request: Request, change: number): void {
    const method = methodOf(request);
    begun.set(method, (begun.get(method) ?? 0) + change);
  }

  function routeOf(request: Request): number {
    const path = pathOf(request.url);
    if (path === "/") return namesBlob(request) ? blobRoute : otherRoute;
    if (path === metadataPath) return 0;
    if (path === existsPath) return 2;
    return keyTextOf(path) === null ? otherRoute : blobRoute;
  }

  function namesBlob(request: Request): boolean {
    try {
      return labelOf(request) !== null;
    } catch {
      return false; // it was refused for that
    }
  }

  return {
    atHand(ms) {
      record(hits.durations, ms / 1000);
    },
    answered(request, status, ms) {
      const method = methodIndexes.get(request.method) ?? methods.length - 1;
      record(seriesOf(method, routeOf(request), status).durations, ms / 1000);
    },
    began: (request) => count(request, 1),
    ended: (request) => count(request, -1),
    active(requestsTotal) {
      const others = begun.values().reduce((total, each) => total + each, 0);
      // The handler of a request whose client has gone may still be at work.
      return new Map([["GET", Math.max(0, requestsTotal - others)], ...begun]);
    },
    kindOf(request) {
      const method = methodOf(request);
      const route = routeOf(request);
      if (route !== otherRoute) return { method, route: routes[route] ?? null };
      const path = pathOf(request.url);
      return { method, route: methodsOf(path) === null ? null : path };
    },
    series: () => known.values(),
  };
}

// --- internal ---

const other = "_OTHER"; // as the semantic conventions have it
const methods = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "PATCH",
  "OPTIONS",
  "CONNECT",
  "TRACE",
  other,
] as const;
const methodIndexes: ReadonlyMap<string, number> = new Map(
  methods.map((method, index) => [method, index]),
);
const blobRoute = 1;
const otherRoute = 3;
