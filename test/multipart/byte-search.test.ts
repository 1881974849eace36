import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import type { Bytes } from "../../src/domain/bytes.ts";
import { findBytes, partialTail, standsAt } from "../../src/multipart/byte-search.ts";
import { utf8 } from "../support/form.ts";

const delimiter = utf8("\r\n--B");

/** A view in the middle of a larger buffer, whose neighbours would complete the pattern. */
function viewOf(text: string): Bytes {
  const whole = utf8(`\r\n--B${text}\r\n--B`);
  return whole.subarray(5, whole.length - 5);
}

describe("findBytes", () => {
  test.each([
    ["", 0, -1],
    ["\r\n--B", 0, 0],
    ["xx\r\n--Bx", 0, 2],
    ["\r\n--B\r\n--B", 1, 5],
    ["\r\r\n--B", 0, 1],
    ["\r\n-\r\n--B", 0, 3],
    ["\r\n--", 0, -1],
    ["\n--B", 0, -1],
    ["\r\n--b", 0, -1],
    ["\r\n--B", 1, -1],
  ])("in %j from %d is at %d", (text, from, at) => {
    expect(findBytes(delimiter, viewOf(text), from)).toBe(at);
  });

  test("finds bytes beyond ASCII and NULs", () => {
    const pattern = Uint8Array.of(0, 255, 128);
    expect(findBytes(pattern, Uint8Array.of(0, 255, 0, 255, 128), 0)).toBe(2);
  });
});

describe("standsAt", () => {
  test.each<[text: string, offset: number, stands: boolean | "partly"]>([
    ["\r\n--B", 0, true],
    ["x\r\n--Bx", 1, true],
    ["\r\n--", 0, "partly"],
    ["x\r", 1, "partly"],
    ["x", 1, "partly"],
    ["\r\n--b", 0, false],
    ["\r\n-x", 0, false],
  ])("in %j at %d is %p", (text, offset, stands) => {
    expect(standsAt(delimiter, viewOf(text), offset)).toBe(stands);
  });
});

describe("partialTail", () => {
  test.each([
    ["", 0],
    ["x", 0],
    ["\r", 1],
    ["x\r\n", 2],
    ["x\r\n--", 4],
    ["\r\r", 1],
    ["\r\n\r\n-", 3],
    ["\r\n--B", 0],
    ["\r\n-x", 0],
  ])("of %j is %d bytes", (text, length) => {
    expect(partialTail(delimiter, viewOf(text))).toBe(length);
  });

  test("is the longest end that is a beginning of the pattern, and not all of it", () => {
    const pattern = "\r\n--B";
    const texts = fc.array(fc.constantFrom("\r", "\n", "-", "B", "x"), { maxLength: 12 });
    fc.assert(
      fc.property(texts, (characters) => {
        const text = characters.join("");
        const lengths = [4, 3, 2, 1, 0];
        const longest = lengths.find((length) => text.endsWith(pattern.slice(0, length)));
        expect(partialTail(delimiter, utf8(text))).toBe(longest ?? 0);
      }),
    );
  });
});
