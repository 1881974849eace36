import { RegistryError } from "../domain/errors.ts";
import { formatHttpDate } from "../domain/http-date.ts";
import type { Log } from "../domain/log.ts";
import { currentSpan } from "../tracing/current.ts";
import { parseAuthority } from "./authority.ts";
import { answerSender } from "./lingering.ts";
import { bind, type Answer, type Handle, type Server, type TlsMaterial } from "./listener.ts";
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
  /** Null, or left out: plain HTTP. */
  readonly tls?: ServerTls | null;
}

/** How to speak TLS. */
export interface ServerTls extends TlsMaterial {
  /** For how long browsers are to use nothing else (RFC 6797); null: they are not told. */
  readonly hstsSeconds: number | null;
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
  /**
   * Meets new connections with another certificate, and ends what is under way with the old one.
   * @throws StartError when it cannot be used; the old one stays
   */
  renewTls(tls: TlsMaterial): void;
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
  let serving: Serving = { ...idling, fetch: createStarting(options.checks) };
  let isDraining = false;
  const namesHost = createHostCheck();
  const { requestLog = silentRequestLog, traces = null, tls = null } = options;
  const hsts = hstsOf(tls);
  const { withHost, asReceived } = createHosting(tls);
  const senderOf = (request: Request): string | null => listener.senderOf(asReceived(request));

  function handle(received: Request, server: Server, startedMs: number): Answer {
    if (!namesHost(received)) {
      return measured(received, refuse(received, invalidHost()), { server, startedMs });
    }
    const request = withHost(received);
    const quick = serving.atHand(request);
    if (quick !== null) {
      serving.meter.atHand(performance.now() - startedMs);
      currentSpan()?.set("registry.cache.hit", true);
      const response = leaving(quick, server);
      if (!requestLog.tellsAll) return response;
      return requestLog.answered({ request, response, startedMs, sender: senderOf(request) });
    }
    const answer = mayHaveBody(request) ? unhurried(request, server) : serving.fetch(request);
    return measured(request, answer, { server, startedMs });
  }

  function measured(request: Request, answer: Answer, { server, startedMs }: Arrival): Answer {
    const sender = requestLog.tellsAll ? senderOf(request) : null; // soon it may have gone
    const leave = (response: Response): Response => {
      serving.meter.answered(request, response.status, performance.now() - startedMs);
      if (request.method === "HEAD") addDate(response);
      leaving(response, server);
      return requestLog.answered({ request, response, startedMs, sender });
    };
    return answer instanceof Response ? leave(answer) : answer.then(leave);
  }

  /** Looked at only now: a request may have been under way when draining or renewing began. */
  function leaving(response: Response, server: Server): Response {
    if (isDraining || listener.isRetired(server)) response.headers.set("Connection", "close");
    if (hsts !== null) response.headers.set(hstsField, hsts);
    return response;
  }

  /**
   * A body has deadlines of its own, which end in an answer. Bun's ends in none, and wants 16 KiB a
   * second on average; it counts again for what follows on the connection.
   */
  function unhurried(request: Request, server: Server): Promise<Response> {
    const counting = serving.meter; // `serve` may bring another meanwhile
    counting.began(request);
    server.timeout(asReceived(request), 0);
    return Promise.resolve(serving.fetch(request)).then((response) => {
      counting.ended(request);
      server.timeout(asReceived(request), options.idleSecondsMax);
      // Bun takes what follows for what goes through a tunnel, although there is none.
      if (request.method === "CONNECT") response.headers.set("Connection", "close");
      return response;
    });
  }

  const handleTimed = timed(handle, traces, () => serving.meter);
  const onFailure = createFailing(options.log, hsts);
  const listener = bind({ ...options, tls, handle: handleTimed, onFailure });
  return {
    url: listener.url,
    port: listener.port,
    senderOf,
    pendingRequests: listener.pendingRequests,
    serve(fetch, atHand = nothingAtHand, meter = unmeasured) {
      serving = { fetch, atHand, meter };
    },
    renewTls: listener.renew,
    beginDraining() {
      isDraining = true;
      listener.closeIdleConnections();
    },
    stop: listener.stop,
  };
}

// --- internal ---

const hstsField = "Strict-Transport-Security";

const nothingAtHand: AtHand = () => null;

const unmeasured: Meter = {
  atHand() {},
  answered() {},
  began() {},
  ended() {},
  kindOf: (request) => ({ method: methodOf(request), route: null }),
};

/** Who answers and measures. */
interface Serving {
  readonly fetch: Fetch;
  readonly atHand: AtHand;
  readonly meter: Meter;
}

const idling = { atHand: nothingAtHand, meter: unmeasured };

/** Where and when a request came. */
interface Arrival {
  readonly server: Server;
  readonly startedMs: number;
}

type TimedHandle = (request: Request, server: Server, startedMs: number) => Answer;

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

/**
 * Without a host (HTTP/1.0, as some load balancers ask) a request's URL is only a path: it is given
 * one. Bun knows only what came, so that is kept with what was made of it.
 */
function createHosting(tls: ServerTls | null) {
  const origin = tls === null ? "http://localhost" : "https://localhost";
  const hostless = new WeakMap<Request, Request>();
  return {
    withHost(received: Request): Request {
      if (!received.url.startsWith("/")) return received;
      const request = new Request(`${origin}${received.url}`, received);
      hostless.set(request, received);
      return request;
    },
    asReceived: (request: Request): Request => hostless.get(request) ?? request,
  };
}

function hstsOf(tls: ServerTls | null): string | null {
  const seconds = tls?.hstsSeconds ?? null;
  return seconds === null ? null : `max-age=${seconds}`;
}

/** What is answered when a handler failed: a bug of ours. */
function createFailing(log: Log, hsts: string | null): (error: unknown) => Response {
  return (error) => {
    log.error("a handler failed", { error });
    const fields = hsts === null ? {} : { [hstsField]: hsts };
    return toProblem(toRegistryError(error), { Connection: "close", ...fields });
  };
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
