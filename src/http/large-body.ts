import { assert } from "../domain/assert.ts";
import type { BlobKey } from "../domain/blob-key.ts";
import { toHex, type Bytes } from "../domain/bytes.ts";
import type { Counters } from "../domain/counters.ts";
import { limits } from "../domain/limits.ts";
import type { Log } from "../domain/log.ts";
import { asStreamed } from "./streamed.ts";
import { traceFieldsOf } from "./traceparent.ts";

/** What the bodies of large blobs need. */
export interface LargeBodyOptions {
  readonly log: Log;
  readonly counters: Counters;
  /** What is sent in one piece; by default `limits.bufferedResponseBytesMax`. */
  readonly gatheredBytesMax?: number;
}

/** A large blob, or a part of one, to be sent. Its pieces are the body's from when it has them. */
interface LargeContent {
  readonly hash: BlobKey;
  /** How many bytes all pieces have together. */
  readonly bytesTotal: number;
  /** In order, each read when it is asked for. */
  readonly pieces: AsyncIterable<Bytes>;
  /** Who asked, for the log. */
  readonly request?: Pick<Request, "headers">;
}

/** Answers with large bodies. */
export interface LargeBody {
  /**
   * The answer that carries a content: in one piece, which Bun sends with Content-Length, or, where
   * that would be too much, as a stream whose pieces are read as the client takes them, chunked. A
   * failure on the way resets the connection, so that no client takes a part for the whole.
   */
  answer(content: LargeContent, init: ResponseInit): Promise<Response>;
}

/** What such an answer, with so many bytes, holds of memory while it is made and sent. */
export function bytesHeldBy(bytesTotal: number): number {
  return bytesTotal <= limits.bufferedResponseBytesMax ? bytesTotal : limits.streamedAnswerBytes;
}

/** Makes the answers that carry large blobs. */
export function createLargeBody(options: LargeBodyOptions): LargeBody {
  const { log, counters, gatheredBytesMax = limits.bufferedResponseBytesMax } = options;

  async function gathered(
    { bytesTotal, pieces }: LargeContent,
    init: ResponseInit,
  ): Promise<Response> {
    const body = new Uint8Array(bytesTotal);
    let filled = 0;
    for await (const piece of pieces) {
      body.set(piece, filled);
      filled += piece.length;
      letGo(piece);
    }
    assert(filled === bytesTotal, "the pieces are all of the content");
    counters.bytesSent += bytesTotal;
    const response = new Response(body, init);
    letGo(body); // the response has a copy
    return response;
  }

  async function streamed(content: LargeContent, init: ResponseInit): Promise<Response> {
    const { hash, bytesTotal, pieces, request } = content;
    const reading = pieces[Symbol.asyncIterator]();
    // The first before the headers: a failure so far can still be told.
    let next: Promise<IteratorResult<Bytes>> = Promise.resolve(await reading.next());
    let sent = 0;
    /**
     * What Bun was given last: it asks for more once it has sent that, or has a copy of it. Whoever
     * stands between must have no queue (a high-water mark of 0).
     */
    let given: Bytes | null = null;
    let isCancelled = false;

    async function pull(controller: ReadableStreamDefaultController<Bytes>): Promise<void> {
      try {
        const { done = false, value } = await next;
        if (isCancelled) return; // the client went while the piece was on its way
        if (given !== null) letGo(given);
        if (done) {
          assert(sent === bytesTotal, "the pieces are all of the content");
          controller.close();
          return;
        }
        sent += value.length;
        counters.bytesSent += value.length;
        controller.enqueue(value);
        given = value;
        next = reading.next();
        next.catch(() => {}); // the next pull hears of it
      } catch (error) {
        if (isCancelled) return;
        const traces = request === undefined ? {} : traceFieldsOf(request.headers);
        log.error("download broken off", { hash: toHex(hash), ...traces, error });
        controller.error(error);
      }
    }

    async function cancel(): Promise<void> {
      isCancelled = true;
      await next.catch(() => {});
      await reading.return?.();
    }

    const body = new ReadableStream<Bytes>({ pull, cancel }, { highWaterMark: 0 });
    return asStreamed(new Response(body, init));
  }

  return {
    answer: (content, init) =>
      content.bytesTotal <= gatheredBytesMax ? gathered(content, init) : streamed(content, init),
  };
}

// --- internal ---

/** Gives bytes back at once: they lie outside the heap, for which the collector comes too late. */
function letGo(bytes: Bytes): void {
  bytes.buffer.transfer(0);
}
