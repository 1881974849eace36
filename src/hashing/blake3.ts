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
    return createNativeHashing();
  } catch {
    // Slower is better than not at all; `implementation` tells the log which one it became.
    return createWasmHashing();
  }
}
