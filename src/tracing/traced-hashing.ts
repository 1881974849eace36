import type { Hasher, Hashing } from "../domain/hasher.ts";
import { currentSpan } from "./current.ts";
import type { Span } from "./span.ts";

/**
 * A skin around a way to hash that notes each hash as a span. One over bytes that come in pieces is
 * as long as their coming; what of it was hashing, `registry.hash.busy` tells, in seconds.
 */
export function tracedHashing(inner: Hashing): Hashing {
  return {
    implementation: inner.implementation,
    hash(bytes) {
      const span = currentSpan()?.child("hash") ?? null;
      const hash = inner.hash(bytes);
      if (span !== null) {
        span.set(sizeName, bytes.length);
        span.end();
      }
      return hash;
    },
    createHasher() {
      const span = currentSpan()?.child("hash") ?? null;
      const hasher = inner.createHasher();
      return span === null ? hasher : noted(hasher, span);
    },
  };
}

// --- internal ---

const sizeName = "registry.hash.size";

function noted(hasher: Hasher, span: Span): Hasher {
  let bytesTotal = 0;
  let busyMs = 0;

  function timed<T>(work: () => T): T {
    const startedMs = performance.now();
    const outcome = work();
    busyMs += performance.now() - startedMs;
    return outcome;
  }

  function end(): void {
    span.set(sizeName, bytesTotal);
    span.set("registry.hash.busy", busyMs / 1000);
    span.end();
  }

  return {
    update(bytes) {
      bytesTotal += bytes.length;
      timed(() => hasher.update(bytes));
    },
    digest() {
      const hash = timed(() => hasher.digest());
      end();
      return hash;
    },
    dispose() {
      hasher.dispose();
      end(); // of one that was given up
    },
  };
}
