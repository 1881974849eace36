import type { Bytes } from "../domain/bytes.ts";
import { asStreamed } from "./streamed.ts";

/** What became of a body. */
export interface SentBody {
  readonly bytes: number;
  /** Whether the client did not get all of it. */
  readonly isBroken: boolean;
  /** What we failed with; left out where it was the client that went. */
  readonly error?: unknown;
}

/** The same answer, whose streamed body is watched: `told` hears of its end, however it comes. */
export function watchBody(response: Response, told: (sent: SentBody) => void): Response {
  const reader = (response.body as ReadableStream<Bytes>).getReader();
  let bytes = 0;

  async function pull(controller: ReadableStreamDefaultController<Bytes>): Promise<void> {
    try {
      const { done, value } = await reader.read();
      if (done) {
        told({ bytes, isBroken: false });
        controller.close();
        return;
      }
      bytes += value.length;
      controller.enqueue(value);
    } catch (error) {
      told({ bytes, isBroken: true, error });
      controller.error(error);
    }
  }

  async function cancel(): Promise<void> {
    told({ bytes, isBroken: true });
    await reader.cancel();
  }

  const body = new ReadableStream<Bytes>({ pull, cancel }, { highWaterMark: 0 });
  return asStreamed(new Response(body, { status: response.status, headers: response.headers }));
}
