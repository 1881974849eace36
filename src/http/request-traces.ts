import { within } from "../tracing/current.ts";
import type { Sampler } from "../tracing/sampler.ts";
import {
  beginSpan,
  errorTypeOf,
  type AttributeValue,
  type Span,
  type TakeSpan,
} from "../tracing/span.ts";
import { parseAuthority } from "./authority.ts";
import { pathOf } from "./path-map.ts";
import type { RequestKind } from "./request-meter.ts";
import { isStreamed } from "./streamed.ts";
import { readTraceparent, type Traceparent } from "./traceparent.ts";
import { declaredBytesOf } from "./upload-body.ts";
import { watchBody } from "./watched-body.ts";

/** Which requests are recorded, and who is told of them. */
export interface RequestTracesOptions {
  readonly sampler: Sampler;
  /** Whether the trace that a request says it belongs to is believed. */
  readonly continuesTraces: boolean;
  readonly take: TakeSpan;
}

type Answer = Response | Promise<Response>;

/** A request, and what is done for it. */
interface Recorded {
  readonly request: Request;
  readonly respond: () => Answer;
  /** What it is; asked at the end. */
  readonly kindOf: () => RequestKind;
}

/** The traces of requests. */
export interface RequestTraces {
  /**
   * The span of a request that came at `startedMs` by `performance.now()`; null when it is not
   * recorded, as most are not: then nothing was made for it.
   */
  begin(request: Request, startedMs: number): Span | null;
  /**
   * Answers a request within its span, which ends once the answer is sent, as far as can be seen:
   * what is in memory is sent when Bun has it.
   */
  follow(span: Span, recorded: Recorded): Answer;
}

/** Records requests by OpenTelemetry's semantic conventions for HTTP servers. */
export function createRequestTraces(options: RequestTracesOptions): RequestTraces {
  const { sampler, continuesTraces, take } = options;

  function begin(request: Request, startedMs: number): Span | null {
    const parent = continuesTraces ? readTraceparent(request.headers) : null;
    const traceId = parent === null ? sampler.begins() : continuing(parent);
    if (traceId === null) return null;
    const parentSpanId = parent?.parentId ?? null;
    const traceState = parent === null ? null : traceStateOf(request.headers);
    const origin = { traceId, parentSpanId, traceState };
    return beginSpan(take, origin, { name: serverName, kind: "server", startMs: startedMs });
  }

  function continuing({ traceId, isSampled }: Traceparent): string | null {
    return sampler.continues(traceId, isSampled) ? traceId : null;
  }

  return { begin, follow };
}

// --- internal ---

/** Until it is known what is asked for. */
const serverName = "HTTP";
const other = "_OTHER";

const methodCharactersMax = 32;
const pathCharactersMax = 1024;
const hostCharactersMax = 256;
/** W3C Trace Context, section 3.3.1.5: what is longer need not be carried on. */
const traceStateCharactersMax = 512;

function follow(span: Span, recorded: Recorded): Answer {
  const failed = (error: unknown): never => {
    span.fail(errorTypeOf(error));
    span.end();
    throw error;
  };
  return within(span, () => {
    try {
      const answer = recorded.respond();
      if (answer instanceof Response) {
        answered(span, answer, recorded);
        span.end(); // at hand, and sent: a span for that would say nothing, and cost half
        return answer;
      }
      return answer.then((response) => sending(span, response, recorded), failed);
    } catch (error) {
      return failed(error);
    }
  });
}

function answered(span: Span, { status }: Response, { request, kindOf }: Recorded): void {
  const { method, route } = kindOf();
  describe(span, request, { method, route });
  span.set("http.response.status_code", status);
  if (status >= 500) span.fail(String(status)); // where nobody knew more
  const named = method === other ? serverName : method;
  span.rename(route === null ? named : `${named} ${route}`);
}

/** Gives the answer to send instead. */
function sending(span: Span, response: Response, recorded: Recorded): Response {
  answered(span, response, recorded);
  const send = span.child("send");
  const end = (): void => {
    send.end();
    span.end();
  };
  if (recorded.request.method === "HEAD" || !isStreamed(response)) {
    end();
    return response;
  }
  return watchBody(response, ({ bytes, isBroken, error }) => {
    span.set("http.response.body.size", bytes);
    if (error !== undefined) span.fail(errorTypeOf(error));
    if (isBroken) send.fail(error === undefined ? "client_gone" : errorTypeOf(error));
    end();
  });
}

function describe(span: Span, request: Request, { method, route }: RequestKind): void {
  const { headers } = request;
  const [host, port] = hostOf(headers);
  const bytes = declaredBytesOf(request);
  const attributes: Readonly<Record<string, AttributeValue | null>> = {
    "http.request.method": method,
    "http.request.method_original":
      method === other ? request.method.slice(0, methodCharactersMax) : null,
    "http.route": route,
    "url.path": pathOf(request.url).slice(0, pathCharactersMax),
    // What the registry itself speaks; TLS is the business of what stands before it.
    "url.scheme": "http",
    "server.address": host,
    "server.port": port,
    "http.request.body.size": Number.isFinite(bytes) ? bytes : null,
  };
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null) span.set(name, value);
  }
}

function hostOf(headers: Headers): readonly [host: string | null, port: number | null] {
  const text = headers.get("host");
  const authority = text === null ? null : parseAuthority(text);
  if (authority === null) return [null, null];
  const { host, port } = authority;
  return [host.slice(0, hostCharactersMax), port === "" ? null : Number(port.slice(1))];
}

function traceStateOf(headers: Headers): string | null {
  const text = headers.get("tracestate");
  return text === null || text.length > traceStateCharactersMax ? null : text;
}
