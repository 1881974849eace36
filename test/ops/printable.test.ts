import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { toPrintable, toPrintableJson, toQuoted } from "../../src/ops/printable.ts";

/** Controls, what cannot be seen or turns text around, halves of pairs, ends of lines. */
const harmful = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Any text, with much of what is harmful. */
const texts = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "\n",
        "\r",
        "\t",
        "\u001b[2J",
        "\u009b",
        "\u2028",
        "\u202e",
        "\ud800",
        "\ufeff",
      ),
      fc.constantFrom("\u{e0041}", "\u00ad", '"', "\\", "é", "🙂"),
    ),
  )
  .map((pieces) => pieces.join(""));

describe("toPrintable", () => {
  it("leaves nothing that a terminal obeys, and leaves the rest as it is", () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(toPrintable(text)).not.toMatch(harmful);
        if (!harmful.test(text)) expect(toPrintable(text)).toBe(text);
      }),
    );
  });

  it.each([
    ["a\nb\rc\td", "a\\nb\\rc\\td"],
    ["\u001b[2J", "\\u{1b}[2J"],
    ["\u202e\u2028\ud800", "\\u{202e}\\u{2028}\\u{d800}"],
    ["\u{e0041}", "\\u{e0041}"],
    ["naïve 🙂", "naïve 🙂"],
  ])("of %j is %s", (text, printable) => {
    expect(toPrintable(text)).toBe(printable);
  });
});

it("toPrintableJson means the same, and has nothing that a terminal obeys", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const json = toPrintableJson(JSON.stringify({ text }));
      expect(json).not.toMatch(harmful);
      expect(JSON.parse(json)).toEqual({ text });
    }),
  );
});

describe("toQuoted", () => {
  it("is one quoted word that ends, however long and hostile the text", () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(toQuoted(text)).toMatch(/^"(?:[^"\\]|\\.)*"$/);
        expect(toQuoted(text)).not.toMatch(harmful);
        expect(toQuoted(text).length).toBeLessThan(800);
      }),
    );
  });

  it.each([
    ["a", '"a"'],
    ['a"b\\', '"a\\"b\\\\"'],
    ["x".repeat(60), `"${"x".repeat(60)}"`],
    ["x".repeat(61), `"${"x".repeat(60)}…"`],
  ])("of %s is %s", (text, quoted) => {
    expect(toQuoted(text)).toBe(quoted);
  });
});
