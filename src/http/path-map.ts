import { RegistryError } from "../domain/errors.ts";

/** Where the API lives. */
export const metadataPath = "/api/v1/metadata";

/** Where one asks which of many blobs are missing. */
export const existsPath = `${metadataPath}/exists`;

const readMethods = ["GET", "HEAD", "OPTIONS"] as const;
const blobMethods = ["GET", "HEAD", "PUT", "OPTIONS"] as const;
const postMethods = ["POST", "OPTIONS"] as const;
const blobPathStart = `${metadataPath}/`;

/** Where the documents and pages are. */
export const documentPaths = [
  "/",
  "/home.css",
  "/home.js",
  "/swagger",
  "/swagger/json",
  "/swagger/swagger-ui.css",
  "/swagger/swagger-ui-bundle.js",
  "/swagger/start.js",
  "/openapi.yaml",
] as const;

/** Where the process says that it serves, by the two names that supervisors know. */
export const healthPaths = ["/healthz", "/livez"] as const;

/** Paths that are only read. */
const readPaths: ReadonlySet<string> = new Set([...healthPaths, "/readyz", ...documentPaths]);

/** The methods of a path, null when there is no such path: a slash too many makes it another. */
export function methodsOf(path: string): readonly string[] | null {
  if (path === metadataPath || path === existsPath) return postMethods;
  if (readPaths.has(path)) return readMethods;
  return keyTextOf(path) === null ? null : blobMethods;
}

/** The methods of a path on a host that names a blob, null when there is no such path. */
export function namedMethodsOf(path: string): readonly string[] | null {
  return path === "/" ? readMethods : null;
}

/** The key in the path of a blob, as it came where its percent-encoding is broken; else null. */
export function keyTextOf(path: string): string | null {
  if (!path.startsWith(blobPathStart) || path === existsPath) return null;
  const text = path.slice(blobPathStart.length);
  if (text === "" || text.includes("/")) return null;
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // no key is written so: the refusal may show that
  }
}

/** The answer to a request that no route takes: 404, 405 with `Allow`, or 204 to OPTIONS. */
export type Unmatched =
  | { readonly methods: readonly string[] }
  | { readonly error: RegistryError; readonly allow?: string };

/**
 * Decides what a request gets that no route takes, at a path with these methods, or none at all
 * (RFC 9110 sections 9.3.7, 15.5.5, 15.5.6).
 */
export function toUnmatched(method: string, methods: readonly string[] | null): Unmatched {
  if (methods === null) {
    return {
      error: new RegistryError(
        "route_not_found",
        `There is nothing at this path; blobs are at ${metadataPath}/HASH, the API at /swagger.`,
      ),
    };
  }
  const allow = methods.join(", ");
  if (method === "OPTIONS") return { methods };
  return {
    error: new RegistryError("method_not_allowed", `This path takes ${allow}.`),
    allow,
  };
}

/**
 * The path of a request's URL, without building a URL object. Without a host (HTTP/1.0) the URL is
 * only a path.
 */
export function pathOf(url: string): string {
  const start = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("//") + 2);
  if (start < 0) return "/";
  const query = url.indexOf("?", start);
  return query < 0 ? url.slice(start) : url.slice(start, query);
}
