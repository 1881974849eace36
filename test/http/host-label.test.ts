import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { toBlobHash } from "../../src/domain/blob-key.ts";
import { toHex } from "../../src/domain/bytes.ts";
import { hostLabelOf, parseHostLabel } from "../../src/http/host-label.ts";
import { codeThrownBy } from "../support/error-code.ts";

const digits = "69ad1bfe3cb50155a6b95a24748d4398e52896935c328afce9a4a734748fd7f6";
/** By Python: base64.b32encode(bytes.fromhex(digits)).decode().lower().rstrip("=") */
const base32 = "ngwrx7r4wuavljvzlishjdkdtdssrfutlqziv7hjustti5ep273a";

function base32Of(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return (bits.match(/.{1,5}/g) ?? [])
    .map((five) => "abcdefghijklmnopqrstuvwxyz234567"[Number.parseInt(five.padEnd(5, "0"), 2)])
    .join("");
}

const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe("parseHostLabel", () => {
  it("reads the first 32 digits of a hash in any case", () => {
    expect(toHex(parseHostLabel(digits.slice(0, 32)))).toBe(digits.slice(0, 32));
    expect(toHex(parseHostLabel(digits.slice(0, 32).toUpperCase()))).toBe(digits.slice(0, 32));
  });

  it("reads all of a hash in base32, in any case", () => {
    fc.assert(
      fc.property(hashes, (hash) => {
        const label = base32Of(hash);
        expect(label).toHaveLength(52);
        expect(toHex(parseHostLabel(label))).toBe(toHex(hash));
        expect(toHex(parseHostLabel(label.toUpperCase()))).toBe(toHex(hash));
      }),
    );
  });

  it("agrees with another program's base32", () => {
    expect(toHex(parseHostLabel(base32))).toBe(digits);
  });

  it("has one label for a hash: spare bits must not be set", () => {
    const label = base32Of(Uint8Array.fromHex(digits));
    const last = label.at(-1) ?? "";
    const others = "abcdefghijklmnopqrstuvwxyz234567".split("").filter((digit) => digit !== last);
    const taken = others.filter(
      (digit) => codeThrownBy(() => parseHostLabel(label.slice(0, 51) + digit)) === "none",
    );
    // The last digit holds one bit of the hash and four that are spare.
    expect(taken).toHaveLength(1);
  });

  it.each([
    ["", "empty"],
    ["www", "a name"],
    [digits.slice(0, 31), "31 digits"],
    [digits.slice(0, 33), "33 digits"],
    [`${digits.slice(0, 31)}g`, "a letter that is no digit"],
    ["a".repeat(51), "51 of base32"],
    ["a".repeat(53), "53 of base32"],
    [`${"a".repeat(51)}0`, "a digit that base32 has not"],
    [`a.${digits.slice(0, 32)}`, "two labels"],
    [digits, "all 64 digits"],
  ])("refuses %p (%s)", (label) => {
    expect(codeThrownBy(() => parseHostLabel(label))).toBe("invalid_label");
  });

  it("tells why 64 digits cannot be, and both forms that can", () => {
    expect(() => parseHostLabel(digits)).toThrow(/63 octets.*32 hexadecimal digits.*base32.*52/s);
  });
});

it("hostLabelOf is the form that every gateway understands", () => {
  expect(hostLabelOf(toBlobHash(Uint8Array.fromHex(digits)))).toBe(digits.slice(0, 32));
});
