import type { Log } from "../domain/log.ts";
import { bodyReadAt } from "./body-times.ts";
import { readClient } from "./forwarded.ts";
import { bearerOf } from "./guards/tokens.ts";
import { pathOf } from "./path-map.ts";
import { isStreamed } from "./streamed.ts";
import { traceFieldsOf } from "./traceparent.ts";
import { watchBody, type SentBody } from "./watched-body.ts";

/** What is told of requests, and to whom. */
export interface RequestLogOptions {
  readonly log: Log;
  /** A line for every request. */
  readonly accessLog: boolean;
  /** A warning for every request whose answer took longer to begin; 0: for none. */
  readonly slowRequestMs: number;
  /** Whether what is at an address may say on whose behalf it sends; null: nobody may. */
  readonly isTrustedProxy: ((address: string) => boolean) | null;
}

/** A request whose answer is there. */
interface Answered {
  readonly request: Request;
  readonly response: Response;
  /** When the request came, by `performance.now()`. */
  readonly startedMs: number;
  /** The address that it came from; null when nobody has looked, or the client has gone. */
  readonly sender: string | null;
}

/** Tells of requests. */
export interface RequestLog {
  /** Whether it wants to hear of every request: also of those that are answered at once. */
  readonly tellsAll: boolean;
  /** Tells what is to be told, at the end of the answer; gives the answer to send instead. */
  answered(answered: Answered): Response;
}

/** Tells nothing. */
export const silentRequestLog: RequestLog = {
  tellsAll: false,
  answered: ({ response }) => response,
};

/** The log of requests: `--access-log` and `--slow-request`. */
export function createRequestLog(options: RequestLogOptions): RequestLog {
  const { log, accessLog, slowRequestMs, isTrustedProxy } = options;

  function answered(exchange: Answered): Response {
    const durationMs = performance.now() - exchange.startedMs;
    if (slowRequestMs > 0 && durationMs > slowRequestMs) warnOf(exchange, durationMs);
    return accessLog ? tell(exchange) : exchange.response;
  }

  function warnOf({ request, response, startedMs }: Answered, durationMs: number): void {
    const readAt = bodyReadAt(request);
    log.warn("slow request", {
      ...targetOf(request),
      status: response.status,
      duration_ms: rounded(durationMs),
      // Until here it was the client that took its time, or the network.
      receiving_ms: readAt === null ? undefined : rounded(readAt - startedMs),
      bearer: bearerOf(request) ?? undefined,
      ...traceFieldsOf(request.headers),
    });
  }

  function tell(exchange: Answered): Response {
    const { request, response } = exchange;
    const isHead = request.method === "HEAD";
    const told = (sent: SentBody): void => line(exchange, sent);
    if (!isHead && isStreamed(response)) return watchBody(response, told);
    if (isHead) told({ bytes: 0, isBroken: false });
    // Of what is in memory Bun makes a Blob without copying it, and sends the answer as it was.
    else void sizeOf(response).then((bytes) => told({ bytes, isBroken: false }));
    return response;
  }

  function line({ request, response, startedMs, sender }: Answered, sent: SentBody): void {
    const { headers } = request;
    log.info("request", {
      ...targetOf(request),
      status: response.status,
      bytes: sent.bytes,
      duration_ms: rounded(performance.now() - startedMs),
      client: sender === null ? undefined : readClient(headers, sender, isTrustedProxy),
      bearer: bearerOf(request) ?? undefined,
      user_agent: headers.get("user-agent")?.slice(0, userAgentCharactersMax),
      ...traceFieldsOf(headers),
      broken_off: sent.isBroken ? true : undefined,
    });
  }

  return { tellsAll: accessLog, answered };
}

/** What a line says of where a request went: no query, for nobody knows what is in there. */
export function targetOf({ method, url, headers }: Request): Readonly<Record<string, unknown>> {
  return {
    method: method.slice(0, methodCharactersMax),
    host: headers.get("host")?.slice(0, hostCharactersMax),
    path: pathOf(url).slice(0, pathCharactersMax),
  };
}

// --- internal ---

const userAgentCharactersMax = 256;
const methodCharactersMax = 32;
const hostCharactersMax = 256;
const pathCharactersMax = 1024;

async function sizeOf(response: Response): Promise<number> {
  const { size } = await response.clone().blob();
  return size;
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
