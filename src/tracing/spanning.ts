import { currentSpan } from "./current.ts";
import { errorTypeOf, type Span, type SpanOptions } from "./span.ts";

/** Does work as a span below the current one, where that is recorded; passes on what it throws. */
export function spanning<T>(name: string, work: () => T): T {
  const parent = currentSpan();
  return parent === null ? work() : spanningBelow(parent, { name }, work);
}

/** Does work as a span below `parent`: ended with the work, or with what it promised. */
export function spanningBelow<T>(
  parent: Span,
  { name, ...options }: SpanOptions & { readonly name: string },
  work: (span: Span) => T,
): T {
  const span = parent.child(name, options);
  const failed = (error: unknown): never => {
    span.fail(errorTypeOf(error));
    span.end();
    throw error;
  };
  try {
    const outcome = work(span);
    if (!(outcome instanceof Promise)) {
      span.end();
      return outcome;
    }
    const ended = outcome.then((value: unknown) => {
      span.end();
      return value;
    }, failed);
    return ended as T;
  } catch (error) {
    return failed(error);
  }
}
