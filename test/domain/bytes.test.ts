import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { bytesEqual, joinBytes, startsWith, toHex } from "../../src/domain/bytes.ts";

const anyBytes = fc.uint8Array({ maxLength: 40 }).map((bytes) => new Uint8Array(bytes));

test("toHex gives two lower-case digits a byte", () => {
  expect(toHex(Uint8Array.of(0, 10, 127, 171, 255))).toBe("000a7fabff");
  expect(toHex(new Uint8Array(0))).toBe("");
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      expect(toHex(bytes)).toBe(Buffer.from(bytes).toString("hex"));
    }),
  );
});

test("bytesEqual compares length and every byte", () => {
  fc.assert(
    fc.property(anyBytes, anyBytes, (a, b) => {
      expect(bytesEqual(a, a.slice())).toBe(true);
      expect(bytesEqual(a, b)).toBe(Buffer.from(a).equals(Buffer.from(b)));
    }),
  );
  expect(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
  expect(bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false);
});

describe("startsWith", () => {
  test.each([
    [[1, 2, 3], [1, 2], true],
    [[1, 2], [1, 2], true],
    [[1, 2], [], true],
    [[1], [1, 2], false],
    [[1, 3, 2], [1, 2], false],
    [[0, 1, 2], [1, 2], false],
  ])("%p with %p is %p", (bytes, prefix, starts) => {
    expect(startsWith(Uint8Array.from(bytes), Uint8Array.from(prefix))).toBe(starts);
  });
});

describe("joinBytes", () => {
  test("puts all pieces in order", () => {
    const pieces = [Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)];
    expect(joinBytes(pieces, 3)).toEqual(Uint8Array.of(1, 2, 3));
  });

  test("of nothing is empty", () => {
    expect(joinBytes([], 0)).toEqual(new Uint8Array(0));
  });

  test("gives a single piece back as it is", () => {
    const only = Uint8Array.of(1, 2, 3).subarray(1);
    expect(joinBytes([only], 2)).toBe(only);
  });
});
