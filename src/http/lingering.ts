import { withDeadline } from "../domain/deadline.ts";
import { RegistryError } from "../domain/errors.ts";
import { limits } from "../domain/limits.ts";

/**
 * Reads the rest of a refused body, for a while, and forgets it. A client that sends all before it
 * reads anything (Node's fetch, Python's http.client) would else find its connection reset, and
 * never see why it was refused (RFC 9112 section 9.6). Never fails.
 */
export async function discardBody({ body }: Request): Promise<void> {
  if (body === null || body.locked) return; // there is none, or all of it has been read
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  const startedAt = performance.now();
  try {
    while (performance.now() - startedAt < limits.lingerMsMax) {
      const { done } = await withDeadline(reader.read(), limits.lingerPauseMsMax, paused);
      if (done) return;
    }
  } catch {
    // The client has gone, or waits for the answer.
  }
  reader.cancel().catch(() => {});
}

// --- internal ---

function paused(): RegistryError {
  return new RegistryError("request_timeout", "The rest of the body did not arrive.");
}
