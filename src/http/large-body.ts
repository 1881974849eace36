import type { BlobReader, Segment } from "../domain/blob-store.ts";
import { toHex, type Bytes } from "../domain/bytes.ts";
import type { Counters } from "../domain/counters.ts";
import { databaseTimeout, withDeadline } from "../domain/deadline.ts";
import { limits } from "../domain/limits.ts";
import type { Log } from "../domain/log.ts";

/** What the bodies of large blobs need. */
export interface LargeBodyOptions {
  readonly log: Log;
  readonly counters: Counters;
  /** How long reading a body that is sent in one piece may take. */
  readonly gatherMsMax: number;
}

/** The two ways in which the body of a large blob is sent. */
export interface LargeBody {
  /** All of it in one piece, which Bun sends with Content-Length. */
  gather(reader: BlobReader): Promise<Bytes>;
  /**
   * As a stream whose segments are read as the client takes them, chunked. A failure on the way
   * resets the connection, so that no client takes a part for the whole.
   */
  stream(reader: BlobReader): Promise<ReadableStream<Bytes>>;
}

/** Makes the bodies of large blobs. */
export function createLargeBody({ log, counters, gatherMsMax }: LargeBodyOptions): LargeBody {
  let uncollectedBytes = 0;

  /** The bytes of segments lie outside the heap, and the collector comes too late for them. */
  function noteSent(bytes: number): void {
    counters.bytesSent += bytes;
    uncollectedBytes += bytes;
    if (uncollectedBytes < limits.uncollectedBytesMax) return;
    uncollectedBytes = 0;
    Bun.gc(false); // beside us: with a full cache, waiting for it would stop the house for 40 ms
  }

  async function gather(reader: BlobReader): Promise<Bytes> {
    const body = new Uint8Array(reader.bytesTotal);
    const reading = (async () => {
      let filled = 0;
      for await (const { data } of reader.segments) {
        body.set(data, filled);
        filled += data.length;
      }
    })();
    await withDeadline(reading, gatherMsMax, () => databaseTimeout(gatherMsMax));
    noteSent(body.length);
    return body;
  }

  async function stream(reader: BlobReader): Promise<ReadableStream<Bytes>> {
    const segments = reader.segments[Symbol.asyncIterator]();
    // The first before the headers: a failure so far can still be told.
    let next: Promise<IteratorResult<Segment>> = Promise.resolve(await segments.next());
    let isCancelled = false;

    async function pull(controller: ReadableStreamDefaultController<Bytes>): Promise<void> {
      try {
        const { done = false, value } = await next;
        if (isCancelled) return; // the client went while the segment was on its way
        if (done) {
          controller.close();
          return;
        }
        noteSent(value.data.length);
        controller.enqueue(value.data);
        next = segments.next();
        next.catch(() => {}); // the next pull hears of it
      } catch (error) {
        if (isCancelled) return;
        log.error("download broken off", { hash: toHex(reader.hash), error });
        controller.error(error);
      }
    }

    async function cancel(): Promise<void> {
      isCancelled = true;
      await next.catch(() => {});
      await segments.return?.();
    }

    return new ReadableStream<Bytes>({ pull, cancel }, { highWaterMark: 0 });
  }

  return { gather, stream };
}
