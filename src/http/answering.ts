import { countRefusal, type Counters } from "../domain/counters.ts";
import type { ErrorCode } from "../domain/errors.ts";
import type { Log } from "../domain/log.ts";
import { currentSpan } from "../tracing/current.ts";
import type { Span } from "../tracing/span.ts";
import { createFailureLog } from "./failure-log.ts";
import { answerSender } from "./lingering.ts";
import { statusOf, toProblem, toRegistryError, type Fields } from "./problem.ts";

/** Turns what a handler does into an answer, whatever happens. */
export interface Answering {
  /** Waits for the handler; what it throws becomes a problem document. */
  answer(request: Request, handler: () => Promise<Response>): Promise<Response>;
  /**
   * The problem document of an error, logged by way of here alone if the fault is ours; given so
   * that the client can read it, even one that is still sending.
   */
  refuse(request: Request, thrown: unknown, fields?: Fields): Promise<Response>;
  /** An answer that came about otherwise, counted. */
  count(response: Response): Response;
}

/** Whom answers are told to. */
export interface AnsweringOptions {
  readonly log: Log;
  readonly counters: Counters;
}

/** The one way out of every handler. */
export function createAnswering({ log, counters }: AnsweringOptions): Answering {
  const tellFailure = createFailureLog(log);

  function count(response: Response): Response {
    const { responses } = counters;
    responses[response.status] = (responses[response.status] ?? 0) + 1;
    return response;
  }

  async function refuse(request: Request, thrown: unknown, fields: Fields = {}): Promise<Response> {
    const error = toRegistryError(thrown);
    tellFailure(request, error);
    trace(currentSpan(), error.code);
    countRefusal(counters, error.code);
    const refusal = count(toProblem(error, { ...closingFields(request), ...fields }));
    return await answerSender(request, refusal);
  }

  async function answer(request: Request, handler: () => Promise<Response>): Promise<Response> {
    try {
      return count(await handler());
    } catch (error) {
      return await refuse(request, error);
    }
  }

  return { answer, refuse, count };
}

// --- internal ---

/**
 * Without it, Bun would read a refused body to its end, however long, and a proxy might put the
 * next request behind a body that it has not sent (RFC 9112 sections 9.3 and 11.2).
 */
function closingFields(request: Request): Fields {
  return request.body === null ? {} : { Connection: "close" };
}

/** A refusal is the client's; only a failure is one of the span too. */
function trace(span: Span | null, code: ErrorCode): void {
  span?.set("registry.error.code", code);
  if (statusOf[code] >= 500) span?.fail(code);
}
