import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import {
  keyMatches,
  parseBlobKey,
  prefixOf,
  toBlobHash,
  toBlobKey,
} from "../../src/domain/blob-key.ts";
import { toHex, type Bytes } from "../../src/domain/bytes.ts";
import { codeThrownBy } from "../support/error-code.ts";

const digits = "0123456789abcdef";
const hash = toBlobHash(Uint8Array.from({ length: 32 }, (_, index) => index));

describe("parseBlobKey", () => {
  test.each([16, 32])("reads the hexadecimal of any %d bytes, in any case", (length) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: length, maxLength: length }), (bytes) => {
        const hex = toHex(bytes);
        const mixed = hex.replaceAll(/[a-f](?=.?[0-9])/g, (digit) => digit.toUpperCase());
        for (const text of [hex, hex.toUpperCase(), mixed]) {
          expect(toHex(parseBlobKey(text))).toBe(hex);
        }
      }),
    );
  });

  test.each([0, 1, 16, 31, 33, 48, 63, 65, 128])("refuses %d digits", (length) => {
    const text = digits.repeat(8).slice(0, length);
    expect(codeThrownBy(() => parseBlobKey(text))).toBe("invalid_key_length");
    expect(() => parseBlobKey(text)).toThrow(`this one has ${length}.`);
  });

  test.each([
    ["g", "g"],
    ["G", "G"],
    ["the character before 0", "/"],
    ["the character behind 9", ":"],
    ["the character before A", "@"],
    ["the character before a", "`"],
    ["a space", " "],
    ["a percent sign", "%"],
    ["a minus sign", "-"],
    ["a NUL", "\0"],
    ["a control character that is a digit but for one bit", "\u0010"],
    ["a full-width digit", "\uff11"],
    ["a full-width letter", "\uff41"],
    ["an Arabic digit", "\u0661"],
    ["a character that ends in the bits of a digit", "\u0131"],
    ["a character that ends in the bits of a letter", "\u0161"],
    ["half of a surrogate pair", "\ud83d"],
  ])("refuses %s, and says where it stands", (_, character) => {
    for (const length of [32, 64]) {
      for (const at of [0, 1, length - 1]) {
        const all = digits.repeat(4).slice(0, length);
        const text = all.slice(0, at) + character + all.slice(at + 1);
        expect(codeThrownBy(() => parseBlobKey(text))).toBe("invalid_key_digit");
        expect(() => parseBlobKey(text)).toThrow(`look at digit ${at + 1}.`);
      }
    }
  });

  test("counts an emoji as the two characters it is", () => {
    expect(codeThrownBy(() => parseBlobKey("😀".repeat(32)))).toBe("invalid_key_digit");
    expect(codeThrownBy(() => parseBlobKey("😀".repeat(64)))).toBe("invalid_key_length");
  });

  test("looks at the length first", () => {
    expect(codeThrownBy(() => parseBlobKey("g"))).toBe("invalid_key_length");
  });
});

describe("keyMatches", () => {
  function changed(bytes: Bytes, at: number): Bytes {
    return bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
  }

  test("holds for the hash and for the first half of it", () => {
    expect(keyMatches(hash, hash)).toBe(true);
    expect(keyMatches(toBlobKey(hash.slice(0, 16)), hash)).toBe(true);
  });

  test("does not hold when any byte of the key differs", () => {
    for (let at = 0; at < 32; at += 1) {
      expect(keyMatches(toBlobHash(changed(hash, at)), hash)).toBe(false);
    }
    for (let at = 0; at < 16; at += 1) {
      expect(keyMatches(toBlobKey(changed(hash.slice(0, 16), at)), hash)).toBe(false);
    }
  });

  test("does not hold for the second half", () => {
    expect(keyMatches(toBlobKey(hash.slice(16)), hash)).toBe(false);
  });
});

test("a prefix is the first 16 bytes of either form of a key", () => {
  const half = toBlobKey(hash.slice(0, 16));
  expect(prefixOf(hash)).toEqual(half);
  expect(prefixOf(half)).toEqual(half);
});

test.each([0, 15, 17, 31, 33])("%d bytes are neither hash nor key", (length) => {
  expect(() => toBlobHash(new Uint8Array(length))).toThrow("a hash has 32 bytes");
  expect(() => toBlobKey(new Uint8Array(length))).toThrow("a key has 32 or 16 bytes");
});

test("16 bytes are a key and no hash", () => {
  expect(toBlobKey(new Uint8Array(16)).length).toBe(16);
  expect(() => toBlobHash(new Uint8Array(16))).toThrow("a hash has 32 bytes");
});
