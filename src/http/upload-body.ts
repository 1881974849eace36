import type { Bytes } from "../domain/bytes.ts";
import { withDeadline } from "../domain/deadline.ts";
import { RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";

/**
 * Takes the pieces of a body as they come; waits where it must. Of a body that is not read whole, a
 * piece is gone once it has been taken.
 */
export type TakePiece = (piece: Bytes) => Promise<void>;

/** How long a body may take, in ms; see `domain/limits.ts`. */
export interface BodyDeadlines {
  readonly bufferedUploadMsMax: number;
  readonly uploadStallMsMax: number;
  readonly uploadMsMax: number;
}

/** How a body is read. */
export interface UploadBodyOptions {
  /** Its Content-Length, null when it has none. */
  readonly declaredBytes: number | null;
  readonly take: TakePiece;
  readonly deadlines?: BodyDeadlines;
}

/**
 * Hands on the body of a request: in one piece when it is announced as small, else piece by piece,
 * each only when the last has been taken, which holds the client up when the database is slow.
 * @throws RegistryError `truncated_body` when the client goes, `request_timeout` when it stalls
 */
export async function readUploadBody(
  request: Request,
  { declaredBytes, take, deadlines = limits }: UploadBodyOptions,
): Promise<void> {
  if (request.body === null) return;
  if (isReadWhole(declaredBytes)) {
    const body = await inTime(request.arrayBuffer(), deadlines.bufferedUploadMsMax);
    await take(new Uint8Array(body));
    return;
  }
  const startedAt = performance.now();
  const reader = (request.body as ReadableStream<Bytes>).getReader();
  try {
    for (;;) {
      const leftMs = deadlines.uploadMsMax - (performance.now() - startedAt);
      const { done, value } = await inTime(
        reader.read(),
        Math.max(1, Math.min(deadlines.uploadStallMsMax, leftMs)),
      );
      if (done) return;
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
    return await withDeadline(reading, timeoutMs, () => {
      return new RegistryError(
        "request_timeout",
        "The body did not arrive in time; nothing was stored. Send it again.",
      );
    });
  } catch (error) {
    if (error instanceof RegistryError) throw error;
    throw new RegistryError(
      "truncated_body",
      "The body ended before it was whole; nothing was stored. Send it again.",
      { cause: error },
    );
  }
}
