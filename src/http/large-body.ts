import { assert } from "../domain/assert.ts";
import type { BlobKey } from "../domain/blob-key.ts";
import { toHex, type Bytes } from "../domain/bytes.ts";
import type { Counters } from "../domain/counters.ts";
import { limits } from "../domain/limits.ts";
import type { Log } from "../domain/log.ts";
import { traceIdOf } from "./traceparent.ts";

/** What the bodies of large blobs need. */
export interface LargeBodyOptions {
  readonly log: Log;
  readonly counters: Counters;
}

/** A large blob, or a part of one, to be sent. */
export interface LargeContent {
  readonly hash: BlobKey;
  /** How many bytes all pieces have together. */
  readonly bytesTotal: number;
  /** In order, each read when it is asked for. */
  readonly pieces: AsyncIterable<Bytes>;
  /** Who asked, for the log. */
  readonly request?: Pick<Request, "headers">;
}

/** The two ways in which a large body is sent. */
export interface LargeBody {
  /** All of it in one piece, which Bun sends with Content-Length. */
  gather(content: LargeContent): Promise<Bytes>;
  /**
   * As a stream whose pieces are read as the client takes them, chunked. A failure on the way
   * resets the connection, so that no client takes a part for the whole.
   */
  stream(content: LargeContent): Promise<ReadableStream<Bytes>>;
}

/** Makes the bodies of large blobs. */
export function createLargeBody({ log, counters }: LargeBodyOptions): LargeBody {
  let uncollectedBytes = 0;

  /** The bytes of segments lie outside the heap, and the collector comes too late for them. */
  function noteSent(bytes: number): void {
    counters.bytesSent += bytes;
    uncollectedBytes += bytes;
    if (uncollectedBytes < limits.uncollectedBytesMax) return;
    uncollectedBytes = 0;
    Bun.gc(false); // beside us: with a full cache, waiting for it would stop the house for 40 ms
  }

  async function gather({ bytesTotal, pieces }: LargeContent): Promise<Bytes> {
    const body = new Uint8Array(bytesTotal);
    let filled = 0;
    for await (const piece of pieces) {
      body.set(piece, filled);
      filled += piece.length;
    }
    assert(filled === bytesTotal, "the pieces are all of the content");
    noteSent(body.length);
    return body;
  }

  async function stream(content: LargeContent): Promise<ReadableStream<Bytes>> {
    const { hash, bytesTotal, pieces, request } = content;
    const reading = pieces[Symbol.asyncIterator]();
    // The first before the headers: a failure so far can still be told.
    let next: Promise<IteratorResult<Bytes>> = Promise.resolve(await reading.next());
    let sent = 0;
    let isCancelled = false;

    async function pull(controller: ReadableStreamDefaultController<Bytes>): Promise<void> {
      try {
        const { done = false, value } = await next;
        if (isCancelled) return; // the client went while the piece was on its way
        if (done) {
          assert(sent === bytesTotal, "the pieces are all of the content");
          controller.close();
          return;
        }
        sent += value.length;
        noteSent(value.length);
        controller.enqueue(value);
        next = reading.next();
        next.catch(() => {}); // the next pull hears of it
      } catch (error) {
        if (isCancelled) return;
        const traceId = request === undefined ? null : traceIdOf(request.headers);
        const fields = { hash: toHex(hash), trace_id: traceId ?? undefined };
        log.error("download broken off", { ...fields, error });
        controller.error(error);
      }
    }

    async function cancel(): Promise<void> {
      isCancelled = true;
      await next.catch(() => {});
      await reading.return?.();
    }

    return new ReadableStream<Bytes>({ pull, cancel }, { highWaterMark: 0 });
  }

  return { gather, stream };
}
