import { codeOf } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import { newSpanId, newTraceId } from "./ids.ts";

/** Which span of which trace, in hexadecimal (W3C Trace Context, section 3.2.2). */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
}

/** What a span says of its work. */
export type AttributeValue = string | number | boolean;

/** What is done for somebody, by asking somebody else, and in the house. */
type SpanKind = "server" | "client" | "internal";

/** A piece of work under way, as a trace tells it. Nothing it is given makes it fail. */
export interface Span extends SpanContext {
  /** Begins a span below this one; one too many for its trace is counted, and told nobody. */
  child(name: string, options?: SpanOptions): Span;
  /** Begins a trace of its own. */
  apart(name: string, options?: SpanOptions): Span;
  rename(name: string): void;
  set(name: string, value: AttributeValue): void;
  /** Names a span that this one has to do with, of whichever trace. */
  link(to: SpanContext): void;
  /** It failed, by what `errorTypeOf` gives; only the first time counts. */
  fail(type: string): void;
  /** Ends it, now or at `endMs`; only the first time counts. */
  end(endMs?: number): void;
}

/** How a span begins. */
export interface SpanOptions {
  /** `internal` when left out. */
  readonly kind?: SpanKind;
  /** By `performance.now()`; now when left out. */
  readonly startMs?: number;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly links?: readonly SpanContext[];
}

/** A span that has ended. */
export interface EndedSpan extends SpanContext {
  readonly name: string;
  readonly kind: SpanKind;
  /** null: it is the first of its trace. */
  readonly parentSpanId: string | null;
  /** Whether the parent is somebody else's. */
  readonly isParentRemote: boolean;
  /** What others have noted of the trace (`tracestate`), as it came. */
  readonly traceState: string | null;
  /** In ms since 1970, and parts of them. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly links: readonly SpanContext[];
  /** null: it did not fail. */
  readonly error: string | null;
}

/** The trace that a first span continues; without a parent, a trace that begins. */
export interface Origin {
  readonly traceId: string;
  readonly parentSpanId: string | null;
  readonly traceState: string | null;
}

/** Takes spans as they end. Never throws. */
export type TakeSpan = (span: EndedSpan) => void;

/** Begins the first span that this process has of a trace; `take` gets it, and all below it. */
export function beginSpan(
  take: TakeSpan,
  origin: Origin,
  { name, ...options }: SpanOptions & { readonly name: string },
): Span {
  const trace: Trace = {
    ...origin,
    take,
    // One clock for all spans of a trace, so that none seems to begin before its parent.
    epochMs: Date.now() - performance.now(),
    spans: 0,
    omitted: 0,
  };
  return open(trace, { name, parentSpanId: origin.parentSpanId, isFirst: true }, options);
}

/** What was thrown, in a word from a bounded set: a code of ours, the system's, or a class. */
export function errorTypeOf(thrown: unknown): string {
  const code = codeOf(thrown);
  if (plainWord.test(code)) return code;
  const name = thrown instanceof Error ? thrown.name : "";
  return plainWord.test(name) ? name : "_OTHER";
}

// --- internal ---

const plainWord = /^[A-Za-z]\w{0,63}$/;

/** What the spans of one trace have in common. */
interface Trace {
  readonly traceId: string;
  readonly traceState: string | null;
  readonly take: TakeSpan;
  /** What 1970 is by `performance.now()`, negated. */
  readonly epochMs: number;
  /** Spans that were begun, and those that were not. */
  spans: number;
  omitted: number;
}

interface Place {
  readonly name: string;
  readonly parentSpanId: string | null;
  /** Whether it is this process's first of the trace. */
  readonly isFirst: boolean;
}

function open(trace: Trace, place: Place, options: SpanOptions): Span {
  const { traceId, traceState, take, epochMs } = trace;
  const { parentSpanId, isFirst } = place;
  const { kind = "internal", startMs = performance.now() } = options;
  const spanId = newSpanId();
  const attributes: Record<string, AttributeValue> = { ...options.attributes };
  const links = [...(options.links ?? [])];
  let { name } = place;
  let error: string | null = null;
  let hasEnded = false;
  trace.spans += 1;

  function end(endMs = performance.now()): void {
    if (hasEnded) return;
    hasEnded = true;
    if (isFirst && trace.omitted > 0) attributes["registry.spans.omitted"] = trace.omitted;
    take({
      traceId,
      spanId,
      name,
      kind,
      parentSpanId,
      isParentRemote: isFirst && parentSpanId !== null,
      traceState,
      startMs: epochMs + startMs,
      endMs: epochMs + Math.max(startMs, endMs),
      attributes: error === null ? attributes : { ...attributes, "error.type": error },
      links,
      error,
    });
  }

  const span: Span = {
    traceId,
    spanId,
    child(childName, childOptions = {}) {
      if (trace.spans < limits.spansPerTraceMax) {
        return open(trace, { name: childName, parentSpanId: spanId, isFirst: false }, childOptions);
      }
      trace.omitted += 1;
      return omittedBelow(span);
    },
    apart: (itsName, itsOptions) =>
      beginSpan(
        take,
        { traceId: newTraceId(), parentSpanId: null, traceState: null },
        { ...itsOptions, name: itsName },
      ),
    rename(newName) {
      name = newName;
    },
    set(key, value) {
      attributes[key] = value;
    },
    link: (to) => void links.push(to),
    fail(type) {
      error ??= type;
    },
    end,
  };
  return span;
}

/** Stands for a span that nobody will be told of. */
function omittedBelow(parent: Span): Span {
  return { ...parent, rename() {}, set() {}, link() {}, fail() {}, end() {} };
}
