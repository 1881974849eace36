import { expect, test } from "bun:test";

import { createWasmHashing } from "../../src/hashing/wasm.ts";

const mebibyte = 1024 * 1024;

test("WebAssembly's memory does not grow over many hashers that are disposed of", () => {
  const hashing = createWasmHashing();
  const bytes = new Uint8Array(500);
  hashing.createHasher().dispose();
  const before = hashing.memoryBytes();
  for (let count = 0; count < 10_000; count += 1) {
    const hasher = hashing.createHasher();
    hasher.update(bytes);
    if (count % 2 === 0) hasher.digest();
    hasher.dispose();
  }
  expect(hashing.memoryBytes()).toBe(before);
});

test("WebAssembly's memory does not grow over many hashes of bytes that are all there", () => {
  const hashing = createWasmHashing();
  const bytes = new Uint8Array(70_000);
  hashing.hash(bytes);
  const before = hashing.memoryBytes();
  for (let count = 0; count < 10_000; count += 1) {
    hashing.hash(bytes.subarray(0, count));
  }
  for (let count = 0; count < 1000; count += 1) hashing.hash(bytes);
  expect(hashing.memoryBytes()).toBe(before);
});

test("WebAssembly's memory stays small when much is hashed at once", () => {
  const hashing = createWasmHashing();
  const before = hashing.memoryBytes();
  const hasher = hashing.createHasher();
  hasher.update(new Uint8Array(8 * mebibyte));
  hasher.dispose();
  hashing.hash(new Uint8Array(8 * mebibyte));
  expect(hashing.memoryBytes() - before).toBeLessThanOrEqual(mebibyte / 4);
});

test("hashes stay right when WebAssembly's memory grows under them", () => {
  const hashing = createWasmHashing();
  const bytes = new Uint8Array(1000).fill(7);
  const expected = hashing.hash(bytes);
  const before = hashing.memoryBytes();
  const hashers = Array.from({ length: 3000 }, () => hashing.createHasher());
  for (const hasher of hashers) hasher.update(bytes);
  expect(hashing.memoryBytes()).toBeGreaterThan(before);
  for (const hasher of hashers) {
    expect(hasher.digest()).toEqual(expected);
    hasher.dispose();
  }
});
