import { codeOf, StartError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import type { Log } from "../domain/log.ts";

/** What a server speaks TLS with, as PEM texts. */
export interface TlsMaterial {
  /** Its certificate, and those of the authorities in between. */
  readonly cert: string;
  readonly key: string;
}

/** Where and how to listen, and who answers. */
export interface ListenerOptions {
  readonly host: string;
  /** Whether nobody asked for `host`: then a machine without IPv6 gets 0.0.0.0. */
  readonly hostIsDefault: boolean;
  /** 0 picks a free one. */
  readonly port: number;
  /** When a connection on which nothing moves is closed. */
  readonly idleSecondsMax: number;
  /** Null: plain HTTP. */
  readonly tls: TlsMaterial | null;
  readonly log: Log;
  readonly handle: Handle;
  /** The answer to a request whose handler failed. */
  readonly onFailure: (error: unknown) => Response;
}

/** Bun's server, or the two of them while the identity of TLS changes. */
export interface Listener {
  /** Where it listens, e.g. `https://[::]:8443`. */
  readonly url: string;
  readonly port: number;
  /** The address that a request under way comes from; null when the client has gone. */
  senderOf(request: Request): string | null;
  /** Requests received and not yet answered to the end. */
  pendingRequests(): number;
  /** Whether another server has taken the place of this one: its answers should be the last. */
  isRetired(server: Server): boolean;
  /**
   * New connections meet another certificate: all of them after a moment, some at once. What is
   * under way goes on as it is. Connections that still wait for their next request when the moment
   * is over are closed. One that has not even sent its first is still answered then, but nobody
   * counts it as pending.
   * @throws StartError when they cannot be used; nothing has changed then
   */
  renew(tls: TlsMaterial): void;
  closeIdleConnections(): void;
  /** Stops listening and cuts what is still under way. */
  stop(): Promise<void>;
}

/** An answer, or one that is still made. */
export type Answer = Response | Promise<Response>;

/** Bun's server, of which there may be two at a time. */
export type Server = Bun.Server<undefined>;

/** Answers a request that came to a server. */
export type Handle = (request: Request, server: Server) => Answer;

/**
 * Binds the port.
 * @throws StartError when the port or the host cannot be had, or the certificate cannot be used
 */
export function bind(options: ListenerOptions): Listener {
  const { tls, log } = options;
  const first = firstServer(options);
  const url = first.url.href.replace(/\/$/, "");
  // Bun forgets them when it stops.
  const { hostname: host = options.host, port = options.port } = first;
  let current = first;
  let isStopped = false;
  /** With what is to end each of them. */
  const retired = new Map<Server, ReturnType<typeof setTimeout>>();
  const all = (): Server[] => [current, ...retired.keys()];

  /** What waits to be accepted is lost, unless the system hands it on (docs/security.md). */
  async function end(server: Server): Promise<void> {
    try {
      await server.stop();
    } catch (error) {
      log.warn("a replaced listener did not end cleanly", { error });
    } finally {
      retired.delete(server);
    }
  }

  return {
    url,
    port,
    senderOf: (request) => current.requestIP(request)?.address ?? null,
    pendingRequests() {
      let pending = current.pendingRequests;
      for (const server of retired.keys()) pending += server.pendingRequests;
      return pending;
    },
    isRetired: (server) => server !== current,
    renew(next) {
      if (tls === null) throw new TypeError("a listener without TLS has nothing to renew");
      if (isStopped) return;
      const before = current;
      try {
        current = serveOn(options, { host, port, tls: next, isShared: true });
      } catch (error) {
        throw toStartError(error, options);
      }
      // Until then their answers close connections that are in use: to Bun, one whose next request
      // has come but has not been read is idle, and would be reset.
      retired.set(
        before,
        setTimeout(() => void end(before), limits.tlsRenewalMs),
      );
    },
    closeIdleConnections() {
      for (const server of all()) server.closeIdleConnections();
    },
    async stop() {
      isStopped = true;
      for (const timer of retired.values()) clearTimeout(timer);
      await Promise.all(all().map(async (server) => await server.stop(true)));
    },
  };
}

// --- internal ---

/**
 * What TLS 1.2 may use: with forward secrecy and authenticated encryption only (RFC 9325 section
 * 4.2). Those of TLS 1.3 are all so, and Bun offers nothing older.
 */
const ciphers = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/** One socket of the port. */
interface Place {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsMaterial | null;
  /** Whether another one of this user may listen beside it. */
  readonly isShared: boolean;
}

function firstServer(options: ListenerOptions): Server {
  const { host, hostIsDefault, log } = options;
  try {
    return alone(options, host);
  } catch (error) {
    const isWithoutIpv6 = /EAFNOSUPPORT|EADDRNOTAVAIL/.test(codeOf(error));
    if (!hostIsDefault || !isWithoutIpv6) throw toStartError(error, options);
    log.warn("this machine has no IPv6; listening on 0.0.0.0 instead of ::");
    try {
      return alone(options, "0.0.0.0");
    } catch (second) {
      throw toStartError(second, options);
    }
  }
}

/**
 * A server whose port nobody else has: two registries on one port would each get half of the
 * requests, silently. With TLS the next server must be able to listen beside this one, and so this
 * one must share its port from the start on. Whether another process has it is tried before,
 * without sharing: that fails also where the other one would share.
 */
function alone(options: ListenerOptions, host: string): Server {
  const { port, tls } = options;
  const first = serveOn(options, { host, port, tls, isShared: false });
  if (tls === null) return first;
  const place = { host, port: first.port ?? port, tls, isShared: true };
  void first.stop(true); // the socket is closed when this returns
  return serveOn(options, place);
}

function serveOn(
  { idleSecondsMax, handle, onFailure }: ListenerOptions,
  { host, port, tls, isShared }: Place,
): Server {
  return Bun.serve({
    hostname: host,
    port,
    reusePort: isShared,
    idleTimeout: idleSecondsMax,
    ...(tls === null ? {} : { tls: { cert: tls.cert, key: tls.key, ciphers } }),
    // Bun's own refusal has no body; uploads are counted as they come.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    development: false,
    fetch: handle,
    error: onFailure,
  });
}

function toStartError(error: unknown, { host, port, tls }: ListenerOptions): StartError {
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
  if (tls !== null && code.startsWith("ERR_")) {
    return new StartError(
      `the certificate or its key cannot be used (${code}); correct --tls-cert and --tls-key`,
      { cause: error },
    );
  }
  return new StartError(
    `cannot listen on ${place} (${error instanceof Error ? error.message : String(error)}); ` +
      "choose an address of this machine with --host",
    { cause: error },
  );
}
