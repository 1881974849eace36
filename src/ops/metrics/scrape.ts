import { codeOf, StartError } from "../../domain/errors.ts";
import type { Log } from "../../domain/log.ts";
import { pathOf } from "../../http/path-map.ts";
import { mayAsk } from "./host-guard.ts";

/** Where metrics are scraped. */
export interface ScrapeOptions {
  readonly host: string;
  /** 0: nowhere. */
  readonly port: number;
  /** Nobody asked for that port: where it cannot be had, the registry goes on without. */
  readonly portIsDefault: boolean;
  readonly log: Log;
}

/** A page as it is now. */
export interface Page {
  /** Its Content-Type. */
  readonly type: string;
  readonly body: string;
  /** Its Content-Security-Policy; without one it may do nothing. */
  readonly policy?: string;
}

/** Pages by their paths. */
export type Pages = ReadonlyMap<string, (request: Request) => Promise<Page>>;

/** A port of its own for those who watch the registry. */
export interface ScrapePort {
  readonly url: string;
  readonly port: number;
  /** From now on it has these pages; until then every path is answered 503. */
  serve(pages: Pages): void;
  stop(): Promise<void>;
}

/**
 * Binds the port for metrics; null when there is to be none, or none can be had that nobody asked
 * for, of which a warning tells.
 * @throws StartError when a port that was asked for cannot be had
 */
export function openScrapePort(options: ScrapeOptions): ScrapePort | null {
  const { host, port, portIsDefault, log } = options;
  if (port === 0) return null;
  try {
    return bind(options);
  } catch (error) {
    const why = whyNot(error, `${host.includes(":") ? `[${host}]` : host}:${port}`);
    if (!portIsDefault) {
      throw new StartError(`${why}; choose another with --metrics-port, or 0 for none`, {
        cause: error,
      });
    }
    log.warn(`no metrics are served: ${why}; give --metrics-port`);
    return null;
  }
}

// --- internal ---

const nothingHere =
  "There is nothing here; metrics are at /metrics, and a page that shows them at /status.\n";
const misdirected =
  "A browser is answered only where the host is an IP address, localhost, a name without dots or " +
  "this machine's own: open this page by its address.\n";

function bind({ host, port, log }: ScrapeOptions): ScrapePort {
  let pages: Pages | null = null;

  async function answer(request: Request): Promise<Response> {
    const { method, url, headers } = request;
    if (!mayAsk(headers, host)) return toText(421, misdirected);
    if (pages === null) return toText(503, "The registry is starting.\n", { "Retry-After": "1" });
    const page = pages.get(pathOf(url));
    if (page === undefined) return toText(404, nothingHere);
    if (method !== "GET" && method !== "HEAD") {
      return toText(405, "This path takes GET, HEAD.\n", { Allow: "GET, HEAD" });
    }
    const { type, body, policy } = await page(request);
    return new Response(body, { headers: toFields(type, policy) });
  }

  const server = Bun.serve({
    hostname: host,
    port,
    reusePort: false,
    development: false,
    // Nobody sends anything here.
    maxRequestBodySize: 0,
    fetch: answer,
    error(error) {
      log.error("metrics could not be told", { error });
      return toText(500, "The registry failed at this request; its log tells more.\n");
    },
  });
  return {
    url: server.url.href.replace(/\/$/, ""),
    port: server.port ?? port,
    serve(next) {
      pages = next;
    },
    stop: async () => await server.stop(true),
  };
}

function toText(status: number, text: string, fields: Record<string, string> = {}): Response {
  const headers = { ...toFields("text/plain; charset=utf-8"), ...fields };
  return new Response(text, { status, headers });
}

/** What is here is for whoever asks, and for no page but its own. */
function toFields(type: string, policy = "default-src 'none'; frame-ancestors 'none'") {
  return {
    "Content-Type": type,
    "Content-Security-Policy": policy,
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
  };
}

function whyNot(error: unknown, place: string): string {
  const code = codeOf(error);
  if (code === "EADDRINUSE") return `the metrics port is in use (${place})`;
  if (code === "EACCES") return `this user may not listen on the metrics port (${place})`;
  const reason = error instanceof Error ? error.message : String(error);
  return `cannot listen on ${place} for metrics (${reason})`;
}
