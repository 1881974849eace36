import { beginTracing, within } from "../../src/tracing/current.ts";
import { newTraceId } from "../../src/tracing/ids.ts";
import { beginSpan, type EndedSpan, type Span } from "../../src/tracing/span.ts";

/** Spans that a test records. */
export interface RecordedSpans {
  /** Those that have ended. */
  readonly ended: EndedSpan[];
  readonly take: (span: EndedSpan) => void;
  /** Their names, in the order of their ends. */
  names(): string[];
  /** The one with this name. */
  named(name: string): EndedSpan;
  /** Begins a trace. */
  begin(name: string): Span;
  /** Does work within the first span of a trace, which ends with it. */
  record<T>(name: string, work: (span: Span) => Promise<T>): Promise<T>;
  stop(): void;
}

/** Begins to trace in this process. */
export function recordSpans(): RecordedSpans {
  const ended: EndedSpan[] = [];
  const stop = beginTracing();
  const take = (span: EndedSpan): void => void ended.push(span);

  function begin(name: string): Span {
    return beginSpan(
      take,
      { traceId: newTraceId(), parentSpanId: null, traceState: null },
      { name },
    );
  }

  return {
    ended,
    take,
    begin,
    names: () => ended.map(({ name }) => name),
    named(name) {
      const found = ended.find((span) => span.name === name);
      if (found === undefined) throw new Error(`no span ${name} has ended`);
      return found;
    },
    async record(name, work) {
      const span = begin(name);
      try {
        return await within(span, () => work(span));
      } finally {
        span.end();
      }
    },
    stop,
  };
}
