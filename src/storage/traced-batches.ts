import { within } from "../tracing/current.ts";
import type { Span } from "../tracing/span.ts";

/** An item of a batch, as far as its trace goes. */
interface TracedItem {
  /** The span of the request that submitted it; null: it is not recorded. */
  readonly span: Span | null;
  /** When that was, by `performance.now()`. */
  readonly since: number;
}

/** What a batch does: `read`, `write`. */
interface BatchName {
  readonly kind: string;
}

/**
 * Does the work of a batch within a span of its own, which links to those of its requests. Where
 * one of these alone is recorded, as is usual, it lies below that request's; else it is a trace of
 * its own, and each request has a span beside it that links to it. Work must be done so also when
 * none is recorded: a lane's promises would else go on in the trace of whoever came first.
 */
export function traceBatch(
  batch: readonly TracedItem[],
  { kind }: BatchName,
  work: () => Promise<void>,
): Promise<void> {
  const spans = batch.map(({ span }) => span).filter((span) => span !== null);
  const [first] = spans;
  if (first === undefined) return within(null, work);
  const startMs = performance.now();
  for (const { span, since } of batch) {
    span?.child("queue wait", { startMs: since, attributes: { [kindName]: kind } }).end(startMs);
  }
  const attributes = { [kindName]: kind, [sizeName]: batch.length };
  const options = { startMs, attributes, links: spans };
  const name = `batch ${kind}`;
  if (spans.length === 1) return ended([first.child(name, options)], work);
  const own = first.apart(name, options);
  const besides = spans.map((span) => span.child(name, { startMs, attributes, links: [own] }));
  return ended([own, ...besides], work);
}

// --- internal ---

const kindName = "registry.batch.kind";
const sizeName = "registry.batch.size";

/** Work within the first of these spans; all end with it. */
function ended(spans: readonly [Span, ...Span[]], work: () => Promise<void>): Promise<void> {
  return within(spans[0], work).finally(() => {
    for (const span of spans) span.end();
  });
}
