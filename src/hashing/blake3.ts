import type { Hashing } from "../domain/hasher.ts";
import { createNativeHashing } from "./native.ts";
import { createWasmHashing } from "./wasm.ts";

/** Which implementation to use; left out, the fastest that works here. */
interface HashingOptions {
  readonly implementation?: "native" | "wasm";
}

/**
 * BLAKE3, by the native addon or, where that does not load (no build for the platform, no
 * writable directory to unpack it to), by WebAssembly. Both give the same hashes.
 * @throws Error when `implementation` names one that does not load here; `cause` says why
 */
export function createHashing(options: HashingOptions = {}): Hashing {
  if (options.implementation === "native") return createNativeHashing();
  if (options.implementation === "wasm") return createWasmHashing();
  try {
    return withShortcut(createNativeHashing(), createWasmHashing());
  } catch {
    // Slower is better than not at all; `implementation` tells the log which one it became.
    return createWasmHashing();
  }
}

// --- internal ---

/** Up to here entering the addon costs more than it saves: 2.1 us and 1.2 us for 600 bytes. */
const shortBytesMax = 1024;

function withShortcut(native: Hashing, wasm: Hashing): Hashing {
  return {
    ...native,
    hash: (bytes) => (bytes.length <= shortBytesMax ? wasm.hash(bytes) : native.hash(bytes)),
  };
}
