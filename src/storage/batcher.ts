import { databaseTimeout } from "../domain/deadline.ts";
import { hasCode, RegistryError } from "../domain/errors.ts";
import { record } from "../domain/histogram.ts";
import { currentSpan, isTracing } from "../tracing/current.ts";
import type { Span } from "../tracing/span.ts";
import type { BatchCounts } from "./batch-counts.ts";
import { traceBatch } from "./traced-batches.ts";

/** Gathers items that come one at a time, so that one statement does the work of many. */
export interface Batcher<In, Out> {
  /**
   * The outcome of one item. Fails with `overloaded` when the queue is full, `database_timeout`
   * when it took too long, else as its batch did.
   */
  submit(item: In): Promise<Out>;
  /** Resolves once nothing waits and nothing runs. */
  idle(): Promise<void>;
}

/** How a batcher works, and its bounds. */
export interface BatcherOptions<In, Out> {
  /** What its batches do, for their traces. */
  readonly kind: string;
  /** Batches at work at once. */
  readonly lanes: number;
  /** What one batch may hold; a first item is taken whatever its size. */
  readonly itemsMax: number;
  readonly bytesMax: number;
  /** What may wait; how much memory that holds is bounded by those who submit it. */
  readonly queueItemsMax: number;
  /** How long an item may take, from when it is submitted. */
  readonly itemMsMax: number;
  /** Where it counts what it does. */
  readonly counts: BatchCounts;
  bytesOf(item: In): number;
  /** Waited for before each batch, for items that are about to come. Never rejects. */
  gather?(): Promise<void>;
  /** Does the work of many items; answers in their order. */
  run(items: readonly In[]): Promise<readonly (Out | RegistryError)[]>;
}

/**
 * A batcher with lanes: an item waits only while all are busy, so that a lone one waits for nobody,
 * and what queued meanwhile becomes one batch. When the connection is lost a batch is tried once
 * more; when the database refuses its data, each item is tried alone: nobody pays for a neighbour.
 */
export function createBatcher<In, Out>(options: BatcherOptions<In, Out>): Batcher<In, Out> {
  const { lanes, queueItemsMax, counts, bytesOf, gather } = options;
  let waiting: Waiting<In, Out>[] = [];
  let busyLanes = 0;
  /** A lane waits for items that are about to come: all of them are its. */
  let isGathering = false;
  let whenIdle: PromiseWithResolvers<void> | null = null;

  /** Not async, nor are others a single request passes through: a promise each would add up. */
  function submit(item: In): Promise<Out> {
    if (waiting.length >= queueItemsMax) return Promise.reject(overloaded());
    const bytes = bytesOf(item);
    return new Promise((resolve, reject) => {
      const span = currentSpan();
      waiting.push({ item, bytes, since: performance.now(), span, resolve, reject });
      counts.waiting += 1;
      counts.waitingBytes += bytes;
      if (busyLanes < lanes && !isGathering) void work();
    });
  }

  /** Keeps a lane at work until nothing waits. Never rejects. */
  async function work(): Promise<void> {
    busyLanes += 1;
    while (waiting.length > 0) {
      if (gather !== undefined) {
        isGathering = true;
        await gather();
        isGathering = false;
      }
      const batch = take();
      if (waiting.length > 0 && busyLanes < lanes && !isGathering) void work();
      if (batch.length === 0) continue;
      if (isTracing()) await traceBatch(batch, options, () => settle(batch, options));
      else await settle(batch, options);
    }
    busyLanes -= 1;
    if (busyLanes > 0) return;
    whenIdle?.resolve();
    whenIdle = null;
  }

  /** The next batch; what has waited too long is told so and left out. */
  function take(): Waiting<In, Out>[] {
    const { itemsMax, bytesMax, itemMsMax } = options;
    const now = performance.now();
    const batch: Waiting<In, Out>[] = [];
    let bytes = 0;
    let taken = 0;
    for (const entry of waiting) {
      if (batch.length > 0 && (batch.length >= itemsMax || bytes + entry.bytes > bytesMax)) break;
      taken += 1;
      counts.waitingBytes -= entry.bytes;
      record(counts.waits, (now - entry.since) / 1000);
      if (now - entry.since > itemMsMax) {
        entry.reject(databaseTimeout(itemMsMax));
        continue;
      }
      bytes += entry.bytes;
      batch.push(entry);
    }
    waiting = waiting.slice(taken);
    counts.waiting = waiting.length;
    if (batch.length > 0) record(counts.sizes, batch.length);
    return batch;
  }

  async function idle(): Promise<void> {
    if (busyLanes === 0) return;
    whenIdle ??= Promise.withResolvers<void>();
    await whenIdle.promise;
  }

  return { submit, idle };
}

// --- internal ---

interface Waiting<In, Out> {
  readonly item: In;
  readonly bytes: number;
  readonly since: number;
  /** Of whoever submitted it. */
  readonly span: Span | null;
  readonly resolve: (outcome: Out) => void;
  readonly reject: (error: unknown) => void;
}

/** An outcome that is a failure, whatever was thrown. */
class Failure {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}

function overloaded(): RegistryError {
  return new RegistryError("overloaded", "Too many requests wait for the database; try later.");
}

/**
 * Does the work of a batch, and tells each who waits: when it is done, or when the time of the one
 * that has waited longest is over. A deadline for each would cost a tenth of an upload's time.
 * Never rejects.
 */
async function settle<In, Out>(
  batch: readonly Waiting<In, Out>[],
  { run, itemMsMax }: Pick<BatcherOptions<In, Out>, "run" | "itemMsMax">,
): Promise<void> {
  const waitedMs = performance.now() - (batch[0]?.since ?? 0);
  let isLate = false;
  const deadline = setTimeout(() => {
    isLate = true;
    for (const { reject } of batch) reject(databaseTimeout(itemMsMax));
  }, itemMsMax - waitedMs);
  const items = batch.map(({ item }) => item);
  const outcomes = await attempt(items, { run, isLate: () => isLate });
  clearTimeout(deadline);
  let index = 0;
  for (const { resolve, reject } of batch) {
    const outcome = outcomes[index];
    index += 1;
    if (outcome === undefined) reject(new Error("a batch answered fewer items than it had"));
    else if (outcome instanceof Failure) reject(outcome.error);
    else resolve(outcome);
  }
}

interface Attempt<In, Out> {
  readonly run: BatcherOptions<In, Out>["run"];
  /** Whether nobody waits any more. */
  readonly isLate: () => boolean;
}

/** Tries a batch, and once more when the connection was lost. Never rejects. */
async function attempt<In, Out>(
  items: readonly In[],
  how: Attempt<In, Out>,
  isSecond = false,
): Promise<(Out | Failure)[]> {
  try {
    return toOutcomes(await how.run(items));
  } catch (error) {
    if (how.isLate()) return items.map(() => new Failure(error));
    if (hasCode(error, "database_unavailable") && !isSecond) return await attempt(items, how, true);
    if (error instanceof RegistryError || items.length === 1) {
      return items.map(() => new Failure(error));
    }
    // The data of one item, it may be; which one, only trying tells.
    const outcomes: (Out | Failure)[] = [];
    for (const item of items) {
      outcomes.push(...(how.isLate() ? [new Failure(error)] : await attempt([item], how)));
    }
    return outcomes;
  }
}

function toOutcomes<Out>(answers: readonly (Out | RegistryError)[]): (Out | Failure)[] {
  return answers.map((answer) => (answer instanceof RegistryError ? new Failure(answer) : answer));
}
