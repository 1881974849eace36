import { createHistogram, durationBounds, record, type Histogram } from "../domain/histogram.ts";
import type { Destinations } from "./destinations.ts";
import { existsPath, keyTextOf, metadataPath, pathOf } from "./path-map.ts";

/** How long requests of one kind took, in seconds. */
interface RequestSeries {
  /** A method of RFC 9110 section 9.3 or RFC 5789, else `_OTHER`. */
  readonly method: string;
  /** One of `routes`. */
  readonly route: string;
  readonly status: number;
  readonly durations: Histogram;
}

/** Measures requests, from their arrival until their answer is handed to Bun. */
export interface RequestMeter {
  /** A GET of a blob was answered with a blob at hand, in so many ms. Allocates nothing. */
  atHand(ms: number): void;
  /** Any other request was answered with this status. */
  answered(request: Request, status: number, ms: number): void;
  /** All kinds that there were. Their number is bounded, whatever is sent. */
  series(): Iterable<RequestSeries>;
}

/** Where a request goes, as labels have it: never a path as it was sent. */
export const routes = [metadataPath, `${metadataPath}/{hash}`, existsPath, "other"] as const;

/** A meter that has seen nothing. A host that names a blob counts as the blob's path. */
export function createRequestMeter({ labelOf }: Pick<Destinations, "labelOf">): RequestMeter {
  const known = new Map<number, RequestSeries>();
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
