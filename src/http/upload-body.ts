import type { Bytes } from "../domain/bytes.ts";
import { withDeadline } from "../domain/deadline.ts";
import { RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";
import { noteBodyRead } from "./body-times.ts";

/** Takes the pieces of a body as they come; waits where it must. Taken, a piece is gone. */
export type TakePiece = (piece: Bytes) => Promise<void>;

/** How long a body may take, in ms; see `domain/limits.ts`. */
export interface BodyDeadlines {
  readonly bufferedUploadMsMax: number;
  readonly uploadStallMsMax: number;
  readonly uploadMsMax: number;
}

/**
 * The whole body of a request, for one that is announced as small.
 * @throws RegistryError `truncated_body` when the client goes, `request_timeout` when it stalls
 */
export function readWholeBody(
  request: Request,
  { bufferedUploadMsMax }: BodyDeadlines = limits,
): Promise<Bytes> {
  return withDeadline(request.arrayBuffer(), bufferedUploadMsMax, stalled).then(
    (body) => {
      noteBodyRead(request);
      return new Uint8Array(body);
    },
    (error: unknown) => {
      throw toBodyError(error);
    },
  );
}

/**
 * Hands on the body of a request piece by piece, each only when the last has been taken, which
 * holds the client up when the database is slow.
 * @throws RegistryError as `readWholeBody`, and whatever `take` throws
 */
export async function readBodyPieces(
  request: Request,
  take: TakePiece,
  { uploadStallMsMax, uploadMsMax }: BodyDeadlines = limits,
): Promise<void> {
  if (request.body === null) return;
  const startedAt = performance.now();
  const reader = (request.body as ReadableStream<Bytes>).getReader();
  try {
    for (;;) {
      const leftMs = uploadMsMax - (performance.now() - startedAt);
      const { done, value } = await inTime(
        reader.read(),
        Math.max(1, Math.min(uploadStallMsMax, leftMs)),
      );
      if (done) {
        noteBodyRead(request);
        return;
      }
      await take(value);
      // Given back at once: the collector would let hundreds of MiB of them pile up.
      value.buffer.transfer(0);
    }
  } catch (error) {
    reader.releaseLock(); // for what discards the rest
    throw error;
  }
}

/** Whether a body of this Content-Length comes in one piece. */
export function isReadWhole(declaredBytes: number | null): boolean {
  return declaredBytes !== null && declaredBytes <= limits.bufferedUploadBytesMax;
}

/** The Content-Length of a request, null when it has none (a chunked one). */
export function declaredBytesOf(request: Request): number | null {
  const text = request.headers.get("content-length");
  return text === null ? null : Number(text);
}

// --- internal ---

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
