import { codeOf, RegistryError, StartError } from "../domain/errors.ts";
import { formatHttpDate } from "../domain/http-date.ts";
import type { Log } from "../domain/log.ts";
import { currentSpan } from "../tracing/current.ts";
import { parseAuthority } from "./authority.ts";
import { answerSender } from "./lingering.ts";
import { toProblem, toRegistryError } from "./problem.ts";
import { healthPaths, pathOf } from "./path-map.ts";
import { silentRequestLog, type RequestLog } from "./request-log.ts";
import { methodOf, type RequestMeter } from "./request-meter.ts";
import type { RequestTraces } from "./request-traces.ts";
import { health, ready, type ReadinessChecks } from "./routes/health.ts";

/** Answers a request. Never rejects. */
export type Fetch = (request: Request) => Response | Promise<Response>;

/** Answers at once, or not at all: null. */
export type AtHand = (request: Request) => Response | null;

type Meter = Pick<RequestMeter, "atHand" | "answered" | "began" | "ended" | "kindOf">;

/** Where and how to listen. */
export interface ServerOptions {
  readonly host: string;
  /** Whether nobody asked for `host`: then a machine without IPv6 gets 0.0.0.0. */
  readonly hostIsDefault: boolean;
  /** 0 picks a free one. */
  readonly port: number;
  /** When a connection on which nothing moves is closed; above what the slowest handler takes. */
  readonly idleSecondsMax: number;
  readonly log: Log;
  /** What /readyz says until there is somebody to answer. */
  readonly checks: ReadinessChecks;
  /** Hears of requests; left out: nobody does. */
  readonly requestLog?: RequestLog;
  /** Records some of them; null, or left out: none. */
  readonly traces?: RequestTraces | null;
}

/** A listening server. */
export interface HttpServer {
  /** Where it listens, e.g. `http://[::]:8080`. */
  readonly url: string;
  readonly port: number;
  /** The address that a request under way comes from; null when the client has gone. */
  senderOf(request: Request): string | null;
  /** Requests received and not yet answered to the end. */
  pendingRequests(): number;
  /**
   * From now on requests are answered so, and measured; until then 503 `starting`. What `atHand`
   * answers does not come to `fetch`.
   */
  serve(fetch: Fetch, atHand?: AtHand, meter?: Meter): void;
  /** From now on every answer closes its connection; new ones are still taken. */
  beginDraining(): void;
  /** Stops listening and cuts what is still under way. */
  stop(): Promise<void>;
}

/**
 * Binds the port, and answers 503 `starting` until `serve` is called: the port is taken before the
 * database is touched.
 * @throws StartError when the port or the host cannot be had
 */
export function listen(options: ServerOptions): HttpServer {
  let fetch = createStarting(options.checks);
  let atHand: AtHand = nothingAtHand;
  let meter: Meter = unmeasured;
  let isDraining = false;
  const namesHost = createHostCheck();
  const { requestLog = silentRequestLog, traces = null } = options;
  /** What came without a host, by the request that was made of it: Bun knows only what came. */
  const hostless = new WeakMap<Request, Request>();
  const asReceived = (request: Request): Request => hostless.get(request) ?? request;
  const senderOf = (request: Request): string | null =>
    server.requestIP(asReceived(request))?.address ?? null;

  function handle(received: Request, server: Server, startedMs: number): Answer {
    if (!namesHost(received)) return measured(received, startedMs, refuse(received, invalidHost()));
    const request = withHost(received);
    if (request !== received) hostless.set(request, received);
    const quick = atHand(request);
    if (quick !== null) {
      meter.atHand(performance.now() - startedMs);
      currentSpan()?.set("registry.cache.hit", true);
      const response = leaving(quick);
      if (!requestLog.tellsAll) return response;
      return requestLog.answered({ request, response, startedMs, sender: senderOf(request) });
    }
    const isUnhurried = mayHaveBody(request);
    const answer = isUnhurried ? unhurried(request, server) : fetch(request);
    return measured(request, startedMs, answer);
  }

  function measured(request: Request, startedMs: number, answer: Answer): Answer {
    const sender = requestLog.tellsAll ? senderOf(request) : null; // soon it may have gone
    const leave = (response: Response): Response => {
      meter.answered(request, response.status, performance.now() - startedMs);
      if (request.method === "HEAD") addDate(response);
      return requestLog.answered({ request, response: leaving(response), startedMs, sender });
    };
    return answer instanceof Response ? leave(answer) : answer.then(leave);
  }

  /** Looked at only now: a request may have been under way when draining began. */
  function leaving(response: Response): Response {
    if (isDraining) response.headers.set("Connection", "close");
    return response;
  }

  /**
   * A body has deadlines of its own, which end in an answer. Bun's ends in none, and wants 16 KiB a
   * second on average; it counts again for what follows on the connection.
   */
  function unhurried(request: Request, server: Server): Promise<Response> {
    const counting = meter; // `serve` may bring another meanwhile
    counting.began(request);
    server.timeout(asReceived(request), 0);
    return Promise.resolve(fetch(request)).then((response) => {
      counting.ended(request);
      server.timeout(asReceived(request), options.idleSecondsMax);
      // Bun takes what follows for what goes through a tunnel, although there is none.
      if (request.method === "CONNECT") response.headers.set("Connection", "close");
      return response;
    });
  }

  const handleTimed = timed(handle, traces, () => meter);
  const server = bind(options, handleTimed);
  return {
    url: server.url.href.replace(/\/$/, ""),
    port: server.port ?? options.port,
    senderOf,
    pendingRequests: () => server.pendingRequests,
    serve(nextFetch, nextAtHand = nothingAtHand, nextMeter = unmeasured) {
      fetch = nextFetch;
      atHand = nextAtHand;
      meter = nextMeter;
    },
    beginDraining() {
      isDraining = true;
      server.closeIdleConnections();
    },
    stop: async () => await server.stop(true),
  };
}

// --- internal ---

const nothingAtHand: AtHand = () => null;

const unmeasured: Meter = {
  atHand() {},
  answered() {},
  began() {},
  ended() {},
  kindOf: (request) => ({ method: methodOf(request), route: null }),
};

type Answer = Response | Promise<Response>;

type Server = Bun.Server<undefined>;

type Handle = (request: Request, server: Server) => Answer;
type TimedHandle = (request: Request, server: Server, startedMs: number) => Answer;

function bind(options: ServerOptions, handle: Handle): Server {
  const { host, hostIsDefault, log } = options;
  try {
    return serveOn(options, host, handle);
  } catch (error) {
    const isWithoutIpv6 = /EAFNOSUPPORT|EADDRNOTAVAIL/.test(codeOf(error));
    if (!hostIsDefault || !isWithoutIpv6) throw toStartError(error, options);
    log.warn("this machine has no IPv6; listening on 0.0.0.0 instead of ::");
    try {
      return serveOn(options, "0.0.0.0", handle);
    } catch (second) {
      throw toStartError(second, options);
    }
  }
}

function serveOn(
  { port, idleSecondsMax, log }: ServerOptions,
  host: string,
  fetch: Handle,
): Server {
  return Bun.serve({
    hostname: host,
    port,
    // Two registries on one port would each get half of the requests, silently.
    reusePort: false,
    idleTimeout: idleSecondsMax,
    // Bun's own refusal has no body; uploads are counted as they come.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    development: false,
    fetch,
    error(error) {
      log.error("a handler failed", { error });
      return toProblem(toRegistryError(error), { Connection: "close" });
    },
  });
}

/** Answers as `handle` does, told when a request came, and records some of them. */
function timed(handle: TimedHandle, traces: RequestTraces | null, meter: () => Meter): Handle {
  if (traces === null) return (request, server) => handle(request, server, performance.now());
  return (request, server) => {
    const startedMs = performance.now();
    const span = traces.begin(request, startedMs);
    if (span === null) return handle(request, server, startedMs);
    return traces.follow(span, {
      request,
      respond: () => handle(request, server, startedMs),
      kindOf: () => meter().kindOf(request),
    });
  };
}

function mayHaveBody({ method }: Request): boolean {
  return method !== "GET" && method !== "HEAD";
}

/** Without a host (HTTP/1.0, as some load balancers ask) a request's URL is only a path. */
function withHost(request: Request): Request {
  if (!request.url.startsWith("/")) return request;
  return new Request(`http://localhost${request.url}`, request);
}

/**
 * Whether a request names one host (RFC 9112 section 3.2), or none, as HTTP/1.0 does. Bun joins two
 * Host fields with a comma, and takes the first for the URL: a proxy may have taken the other one.
 */
function createHostCheck(): (request: Request) => boolean {
  let lastNamed: string | null = null; // most requests name the same
  return ({ headers }) => {
    const host = headers.get("host");
    if (host === lastNamed) return true;
    if (host !== null && host !== "" && parseAuthority(host) === null) return false;
    lastNamed = host;
    return true;
  };
}

function invalidHost(): RegistryError {
  return new RegistryError(
    "invalid_host",
    "Send one Host, which names one host, with or without a port.",
  );
}

function createStarting(checks: ReadinessChecks): Fetch {
  return async (request) => {
    const path = pathOf(request.url);
    if (healthPaths.some((name) => name === path)) return await health();
    if (path === "/readyz") return await ready(checks);
    const error = new RegistryError("starting", "The registry is starting; try again in a moment.");
    return await refuse(request, error);
  };
}

function refuse(request: Request, error: RegistryError): Promise<Response> {
  return answerSender(request, toProblem(error, { Connection: "close" }));
}

/** Bun adds Date (RFC 9110 section 6.6.1) to every answer but those to HEAD. */
function addDate({ headers }: Response): void {
  if (!headers.has("date")) headers.set("Date", formatHttpDate(Date.now()));
}

function toStartError(error: unknown, { host, port }: ServerOptions): StartError {
  const code = codeOf(error);
  const place = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  if (code === "EADDRINUSE") {
    return new StartError(
      `port ${port} is in use (${place}); stop the program that has it (lsof -i :${port} names ` +
        "it), or choose another with --port",
      { cause: error },
    );
  }
  if (code === "EACCES") {
    return new StartError(
      `this user may not listen on port ${port}; choose one above 1023 with --port`,
      { cause: error },
    );
  }
  return new StartError(
    `cannot listen on ${place} (${error instanceof Error ? error.message : String(error)}); ` +
      "choose an address of this machine with --host",
    { cause: error },
  );
}
