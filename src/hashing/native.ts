import type * as Addon from "@napi-rs/blake-hash";

import { assert } from "../domain/assert.ts";
import { toBlobHash, type BlobHash } from "../domain/blob-key.ts";
import type { Hasher, Hashing } from "../domain/hasher.ts";

/**
 * BLAKE3 by the native addon: SIMD, several GiB a second.
 * @throws Error when the addon does not load on this machine; `cause` says why
 */
export function createNativeHashing(): Hashing {
  const addon = loadAddon();
  return {
    implementation: "native",
    // Ten times cheaper for a small blob than a fresh hasher, which needs a finalizer.
    hash: (bytes) => toPlainHash(addon.blake3(bytes)),
    createHasher: () => createNativeHasher(new addon.Blake3Hasher()),
  };
}

// --- internal ---

/** Loaded here and not by an import, which would fail before anyone could fall back. */
function loadAddon(): typeof Addon {
  try {
    return require("@napi-rs/blake-hash") as typeof Addon;
  } catch (cause) {
    throw new Error(
      "The native BLAKE3 addon does not load. Use the WebAssembly one, or check that this " +
        "platform has a build of the addon and that TMPDIR is a writable directory without noexec.",
      { cause },
    );
  }
}

function createNativeHasher(fresh: Addon.Blake3Hasher): Hasher {
  let hasher: Addon.Blake3Hasher | null = fresh;
  return {
    update(bytes) {
      assert(hasher !== null, "a disposed hasher takes no bytes");
      hasher.update(bytes);
    },
    digest() {
      assert(hasher !== null, "a disposed hasher has no hash");
      return toPlainHash(hasher.digestBuffer());
    },
    dispose() {
      hasher = null;
    },
  };
}

/** A copy, because a `Buffer` prints and compares unlike other bytes and holds foreign memory. */
function toPlainHash(buffer: Buffer): BlobHash {
  return toBlobHash(new Uint8Array(buffer));
}
