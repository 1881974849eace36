import { readFileSync } from "node:fs";

import wasmPath from "blake3-wasm/dist/wasm/nodejs/blake3_js_bg.wasm" with { type: "file" };

import { assert } from "../domain/assert.ts";
import { hashBytes, toBlobHash, type BlobHash } from "../domain/blob-key.ts";
import type { Bytes } from "../domain/bytes.ts";
import type { Hasher, Hashing } from "../domain/hasher.ts";

/** BLAKE3 by WebAssembly, with a look at its memory. */
interface WasmHashing extends Hashing {
  /** What WebAssembly holds now, in bytes; it can grow, never shrink. */
  memoryBytes(): number;
}

/** BLAKE3 by WebAssembly: runs everywhere, about a tenth as fast as the native addon. */
export function createWasmHashing(): WasmHashing {
  const blake3 = instantiate();
  return {
    implementation: "wasm",
    hash: (bytes) =>
      bytes.length <= pieceBytesMax ? hashPiece(blake3, bytes) : hashLong(blake3, bytes),
    createHasher: () => createWasmHasher(blake3),
    memoryBytes: () => blake3.exports.memory.buffer.byteLength,
  };
}

// --- internal ---

/** Input enters in pieces of at most this: each is copied into memory that never shrinks. */
const pieceBytesMax = 64 * 1024;

/**
 * What the package's WebAssembly file exports, called as its own JavaScript does. That JavaScript
 * is not used: in a compiled binary it looks for the file where the binary was built.
 */
interface Blake3Exports {
  readonly memory: WebAssembly.Memory;
  /** Gives the address of new memory, to be given back with `__wbindgen_free`. */
  __wbindgen_malloc(length: number): number;
  /** Takes over and frees the input; the output stays the caller's. */
  hash(input: number, inputLength: number, output: number, outputLength: number): void;
  /** Gives the address of a new hasher, to be given back with `__wbg_blake3hash_free`. */
  create_hasher(): number;
  /** Takes over and frees the input. */
  blake3hash_update(hasher: number, input: number, inputLength: number): void;
  /** Leaves the hasher as it is; the output stays the caller's. */
  blake3hash_digest(hasher: number, output: number, outputLength: number): void;
  __wbg_blake3hash_free(hasher: number): void;
}

interface Blake3 {
  readonly exports: Blake3Exports;
  /** The address of the 32 bytes every hash is written to, on its way out. */
  readonly output: number;
  /** All of the memory; a view dies when the memory grows, so it is asked for anew each time. */
  view(): Bytes;
}

function instantiate(): Blake3 {
  const module = new WebAssembly.Module(readFileSync(wasmPath));
  const instance = new WebAssembly.Instance(module, {
    __wbindgen_placeholder__: {
      __wbindgen_throw(address: number, length: number): never {
        throw new Error(new TextDecoder().decode(view().subarray(address, address + length)));
      },
    },
  });
  const exports = instance.exports as unknown as Blake3Exports;
  let current = new Uint8Array(exports.memory.buffer);
  function view(): Bytes {
    if (current.buffer !== exports.memory.buffer) current = new Uint8Array(exports.memory.buffer);
    return current;
  }
  return { exports, output: exports.__wbindgen_malloc(hashBytes), view };
}

/** One call instead of a hasher's four: half the time for a small blob, nothing to dispose. */
function hashPiece(blake3: Blake3, bytes: Bytes): BlobHash {
  blake3.exports.hash(copyIn(blake3, bytes), bytes.length, blake3.output, hashBytes);
  return copyOut(blake3);
}

function hashLong(blake3: Blake3, bytes: Bytes): BlobHash {
  const hasher = createWasmHasher(blake3);
  try {
    hasher.update(bytes);
    return hasher.digest();
  } finally {
    hasher.dispose();
  }
}

function createWasmHasher(blake3: Blake3): Hasher {
  const { exports } = blake3;
  let hasher: number | null = exports.create_hasher();
  return {
    update(bytes) {
      assert(hasher !== null, "a disposed hasher takes no bytes");
      for (let start = 0; start < bytes.length; start += pieceBytesMax) {
        const piece = bytes.subarray(start, start + pieceBytesMax);
        exports.blake3hash_update(hasher, copyIn(blake3, piece), piece.length);
      }
    },
    digest() {
      assert(hasher !== null, "a disposed hasher has no hash");
      exports.blake3hash_digest(hasher, blake3.output, hashBytes);
      return copyOut(blake3);
    },
    dispose() {
      if (hasher === null) return;
      exports.__wbg_blake3hash_free(hasher);
      hasher = null;
    },
  };
}

/** The address of a copy of `bytes`, for a call that takes it over. */
function copyIn(blake3: Blake3, bytes: Bytes): number {
  const address = blake3.exports.__wbindgen_malloc(bytes.length);
  blake3.view().set(bytes, address);
  return address;
}

function copyOut(blake3: Blake3): BlobHash {
  const { output } = blake3;
  return toBlobHash(blake3.view().slice(output, output + hashBytes));
}
