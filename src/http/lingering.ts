import type { Bytes } from "../domain/bytes.ts";
import { withDeadline } from "../domain/deadline.ts";
import { RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import { asStreamed } from "./streamed.ts";

/**
 * The refusal of a request whose body may still be on its way, given so that its client can read
 * it. A connection that is closed with bytes unread is reset, and the reset takes the answer along
 * (RFC 9112 section 9.6): the rest of the body is read and forgotten. What is there soon is waited
 * for. Of a longer one the answer goes first, for those who read while they send, and ends (so it
 * is chunked) once the rest has come, stops coming or takes too long. Where too many do so already,
 * the answer goes alone. Never fails.
 */
export async function answerSender({ body }: Request, answer: Response): Promise<Response> {
  if (body === null || body.locked) return answer; // there is none, or all of it has been read
  if (lingering >= limits.lingeringMax) return answer;
  const rest: Rest = (body as ReadableStream<Bytes>).getReader();
  lingering += 1;
  if ((await discard(rest, limits.lingerPauseMsMax)) === "coming") return sentFirst(answer, rest);
  give(rest);
  return answer;
}

// --- internal ---

/** Bodies that are read on at this moment. */
let lingering = 0;

/** What is still to come of a body, whose bytes nobody looks at. */
interface Rest {
  read(): Promise<{ readonly done: boolean; readonly value?: Bytes | undefined }>;
  cancel(): Promise<void>;
}

/** Reads for a while: to the end, to a pause (the client may wait for the answer), or neither. */
async function discard(rest: Rest, msMax: number): Promise<"over" | "paused" | "coming"> {
  const startedAt = performance.now();
  let leftMs = msMax;
  while (leftMs > 0) {
    const pauseMs = Math.min(leftMs, limits.lingerPauseMsMax);
    const found = await next(rest, pauseMs);
    if (found === "end") return "over";
    if (found === "nothing" && pauseMs === limits.lingerPauseMsMax) return "paused";
    leftMs = msMax - (performance.now() - startedAt);
  }
  return "coming";
}

async function next(rest: Rest, timeoutMs: number): Promise<"piece" | "end" | "nothing"> {
  try {
    const { done, value } = await withDeadline(rest.read(), timeoutMs, paused);
    value?.buffer.transfer(0); // the collector would let them pile up
    return done ? "end" : "piece";
  } catch (error) {
    return error instanceof RegistryError ? "nothing" : "end"; // or the client has gone
  }
}

function paused(): RegistryError {
  return new RegistryError("request_timeout", "The rest of the body did not arrive.");
}

async function sentFirst(answer: Response, rest: Rest): Promise<Response> {
  const content = await answer.arrayBuffer();
  const body = new ReadableStream<Bytes>({
    async start(controller) {
      controller.enqueue(new Uint8Array(content));
      await discard(rest, limits.lingerMsMax);
      give(rest);
      close(controller);
    },
  });
  return asStreamed(new Response(body, { status: answer.status, headers: answer.headers }));
}

/** Gives the body back to Bun, which has no use for it either. */
function give(rest: Rest): void {
  lingering -= 1;
  rest.cancel().catch(() => {});
}

function close(controller: ReadableStreamDefaultController<Bytes>): void {
  try {
    controller.close();
  } catch {
    // The client has gone, and the answer with it.
  }
}
