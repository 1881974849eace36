import type { Bytes } from "../domain/bytes.ts";
import { withDeadline } from "../domain/deadline.ts";
import { RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import { isTracing } from "../tracing/current.ts";
import { spanning } from "../tracing/spanning.ts";
import { noteBodyRead } from "./body-times.ts";

/** Takes the pieces of a body as they come; waits where it must. Taken, a piece is gone. */
export type TakePiece = (piece: Bytes) => Promise<void>;

/**
 * How slowly a body may come: every `uploadStepBytes` of it, and what is left at its end, within
 * `uploadStepMsMax`.
 */
export interface BodyPace {
  readonly uploadStepBytes: number;
  readonly uploadStepMsMax: number;
}

/**
 * The whole body of a request, for one that is announced as small. Nobody sees how it comes, so it
 * has as long as all its steps together.
 * @throws RegistryError `truncated_body` when the client goes, `request_timeout` when it is slow
 */
export function readWholeBody(request: Request, pace: BodyPace = limits): Promise<Bytes> {
  return isTracing()
    ? spanning("receive", () => readWhole(request, pace))
    : readWhole(request, pace);
}

/**
 * Hands on the body of a request piece by piece, each only when the last has been taken, which
 * holds the client up when the database is slow.
 * @throws RegistryError as `readWholeBody`, and whatever `take` throws
 */
export async function readBodyPieces(
  request: Request,
  take: TakePiece,
  pace: BodyPace = limits,
): Promise<void> {
  await spanning("receive", () => readPieces(request, take, pace));
}

/** Whether a body of this Content-Length comes in one piece. */
export function isReadWhole(declaredBytes: number | null): boolean {
  return declaredBytes !== null && declaredBytes <= limits.bufferedUploadBytesMax;
}

/** What the body of an upload with this Content-Length holds of memory at most. */
export function bytesHeldBy(declaredBytes: number | null): number {
  return declaredBytes !== null && isReadWhole(declaredBytes)
    ? declaredBytes
    : limits.streamedUploadBytes;
}

/** The Content-Length of a request, null when it has none (a chunked one). */
export function declaredBytesOf(request: Request): number | null {
  const text = request.headers.get("content-length");
  return text === null ? null : Number(text);
}

// --- internal ---

function readWhole(
  request: Request,
  { uploadStepBytes, uploadStepMsMax }: BodyPace,
): Promise<Bytes> {
  const steps = Math.ceil((declaredBytesOf(request) ?? 0) / uploadStepBytes);
  const timeoutMs = Math.max(1, steps) * uploadStepMsMax;
  return withDeadline(request.arrayBuffer(), timeoutMs, stalled).then(
    (body) => {
      noteBodyRead(request);
      return new Uint8Array(body);
    },
    (error: unknown) => {
      throw toBodyError(error);
    },
  );
}

async function readPieces(
  request: Request,
  take: TakePiece,
  { uploadStepBytes, uploadStepMsMax }: BodyPace,
): Promise<void> {
  if (request.body === null) return;
  const reader = (request.body as ReadableStream<Bytes>).getReader();
  let bytesOfStep = 0;
  let msOfStep = 0; // not what it takes us to take a piece
  try {
    for (;;) {
      const askedAt = performance.now();
      const { done, value } = await inTime(reader.read(), Math.max(1, uploadStepMsMax - msOfStep));
      if (done) {
        noteBodyRead(request);
        return;
      }
      bytesOfStep += value.length;
      msOfStep += performance.now() - askedAt;
      if (bytesOfStep >= uploadStepBytes) bytesOfStep = msOfStep = 0;
      await take(value);
      // Given back at once: the collector would let hundreds of MiB of them pile up.
      value.buffer.transfer(0);
    }
  } catch (error) {
    reader.releaseLock(); // for what discards the rest
    throw error;
  }
}

async function inTime<T>(reading: Promise<T>, timeoutMs: number): Promise<T> {
  try {
    return await withDeadline(reading, timeoutMs, stalled);
  } catch (error) {
    throw toBodyError(error);
  }
}

function stalled(): RegistryError {
  return new RegistryError(
    "request_timeout",
    "The body did not arrive in time; nothing was stored. Send it again.",
  );
}

function toBodyError(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  return new RegistryError(
    "truncated_body",
    "The body ended before it was whole; nothing was stored. Send it again.",
    { cause: error },
  );
}
