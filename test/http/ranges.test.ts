import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import {
  type AskedRange,
  contentRangeOf,
  parseRange,
  unsatisfiedRangeOf,
} from "../../src/http/ranges.ts";

const unsatisfiable = "unsatisfiable";

function part(first: number, last: number): AskedRange {
  return { first, last };
}

/** What one range is said to ask for. */
type Spec =
  | { readonly kind: "part"; readonly first: bigint; readonly last: bigint | null }
  | { readonly kind: "suffix"; readonly length: bigint };

/** Numbers around the size of small blobs, and ones that no number holds. */
const huge = [2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 64n, 10n ** 400n];
const position = fc.oneof(
  { weight: 3, arbitrary: fc.bigInt({ min: 0n, max: 24n }) },
  { weight: 1, arbitrary: fc.constantFrom(...huge) },
);
const spec: fc.Arbitrary<Spec> = fc.oneof(
  fc.record({ kind: fc.constant("part" as const), first: position, last: fc.option(position) }),
  fc.record({ kind: fc.constant("suffix" as const), length: position }),
);
const size = fc.integer({ min: 0, max: 20 });
const blanks = fc.stringMatching(/^[ \t,]{0,3}$/);
const zeros = fc.stringMatching(/^0{0,3}$/);
const unit = fc.constantFrom("bytes", "Bytes", "BYTES", "bYtEs");

function textOf(asked: Spec, zero = ""): string {
  return asked.kind === "suffix"
    ? `-${zero}${asked.length}`
    : `${zero}${asked.first}-${asked.last === null ? "" : `${zero}${asked.last}`}`;
}

/** Looks at every byte there is and asks whether the range wants it: section 14.1.2, naively. */
function model(asked: Spec, bytesTotal: number): AskedRange {
  const all = Array.from({ length: bytesTotal }, (_, index) => index);
  let wanted: number[];
  if (asked.kind === "suffix") {
    if (asked.length === 0n) return unsatisfiable;
    if (bytesTotal === 0) return null;
    wanted = all.filter((index) => BigInt(bytesTotal - index) <= asked.length);
  } else {
    const { first, last } = asked;
    if (last !== null && last < first) return null;
    wanted = all.filter((index) => index >= first && (last === null || index <= last));
  }
  return wanted.length === 0
    ? unsatisfiable
    : { first: Math.min(...wanted), last: Math.max(...wanted) };
}

describe("parseRange", () => {
  test.each<[string, AskedRange]>([
    ["bytes=0-0", part(0, 0)],
    ["bytes=0-4", part(0, 4)],
    ["bytes=9-9", part(9, 9)],
    ["bytes=0-9", part(0, 9)],
    ["bytes=0-10", part(0, 9)],
    ["bytes=9-99", part(9, 9)],
    ["bytes=0-", part(0, 9)],
    ["bytes=9-", part(9, 9)],
    ["bytes=-1", part(9, 9)],
    ["bytes=-9", part(1, 9)],
    ["bytes=-10", part(0, 9)],
    ["bytes=-11", part(0, 9)],
    ["bytes=10-", unsatisfiable],
    ["bytes=10-10", unsatisfiable],
    ["bytes=11-12", unsatisfiable],
    ["bytes=-0", unsatisfiable],
    ["bytes=-000", unsatisfiable],
    ["bytes=0003-0005", part(3, 5)],
    ["BYTES=3-5", part(3, 5)],
    ["bytes=,3-5", part(3, 5)],
    ["bytes= ,\t, 3-5 , ,", part(3, 5)],
    ["bytes=3-5,", part(3, 5)],
  ])("of ten bytes, %s is %j", (text, asked) => {
    expect(parseRange(text, 10)).toEqual(asked);
  });

  test.each<[string, AskedRange]>([
    ["bytes=0-", unsatisfiable],
    ["bytes=0-0", unsatisfiable],
    ["bytes=-0", unsatisfiable],
    ["bytes=-1", null],
    ["bytes=1-0", null],
  ])("of no bytes, %s is %j", (text, asked) => {
    expect(parseRange(text, 0)).toEqual(asked);
  });

  test.each([
    "",
    "bytes",
    "bytes=",
    "bytes=,",
    "bytes=-",
    "bytes=--1",
    "bytes=5",
    "bytes=5-4",
    "bytes=99-98",
    "bytes=a-b",
    "bytes=0-b",
    "bytes=0x0-0x5",
    "bytes=1e0-5",
    "bytes=+0-5",
    "bytes=0-+5",
    "bytes=0--5",
    "bytes=-5-",
    "bytes=0.0-5",
    "bytes=0 - 5",
    "bytes=0- 5",
    "bytes=- 5",
    "bytes=0-5;q=1",
    "bytes=0-5\n",
    "bytes=\n0-5",
    "bytes=٠-٥",
    "bytes:0-5",
    "bytes 0-5",
    "bytes 0-5/10",
    "bytes =0-5",
    "byte=0-5",
    "bytess=0-5",
    "byte\u017f=0-5", // a long s, which is an S in upper case
    "items=0-5",
    "none",
    "0-5",
    "=0-5",
    "bytes=0-1,3-4", // several
    "bytes=0-1, 3-4",
    "bytes=0-1 3-4",
    "bytes=0-1,-1",
    "bytes=0-0,0-0",
    "bytes=0-1, bytes=3-4", // sent twice
    "bytes=0-1, bytes=0-1",
  ])("takes %j for no range", (text) => {
    expect(parseRange(text, 10)).toBeNull();
  });

  test.each([
    ["9007199254740991", 2 ** 30],
    ["9007199254740993", 2 ** 30],
    ["18446744073709551616", 2 ** 30],
    ["9".repeat(400), 2 ** 30],
    ["9".repeat(16_384), Number.MAX_SAFE_INTEGER],
  ])("knows that a huge number lies beyond the blob (%#)", (digits, bytesTotal) => {
    const last = bytesTotal - 1;
    expect(parseRange(`bytes=0-${digits}`, bytesTotal)).toEqual(part(0, last));
    expect(parseRange(`bytes=${last}-${digits}`, bytesTotal)).toEqual(part(last, last));
    expect(parseRange(`bytes=-${digits}`, bytesTotal)).toEqual(part(0, last));
    expect(parseRange(`bytes=${digits}-`, bytesTotal)).toBe(unsatisfiable);
    expect(parseRange(`bytes=${digits}-${digits}`, bytesTotal)).toBe(unsatisfiable);
    expect(parseRange(`bytes=${digits}-0`, bytesTotal)).toBeNull();
  });

  test("refuses what it cannot tell from a range in the right order", () => {
    // Either is allowed (section 14.2), and nobody means it: both round to the same number.
    expect(parseRange("bytes=9007199254740993-9007199254740992", 10)).toBe(unsatisfiable);
    expect(parseRange("bytes=9007199254740992-9007199254740991", 10)).toBeNull();
  });

  test("finds the bytes that a naive reader wants", () => {
    fc.assert(
      fc.property(spec, size, fc.tuple(unit, blanks, zeros, blanks), (asked, total, style) => {
        const [name, before, zero, behind] = style;
        const text = `${name}=${before}${textOf(asked, zero)}${behind}`;
        expect(parseRange(text, total)).toEqual(model(asked, total));
      }),
      { numRuns: 2000 },
    );
  });

  test("gives the whole for two ranges or more", () => {
    fc.assert(
      fc.property(fc.array(spec, { minLength: 2, maxLength: 5 }), size, (several, total) => {
        const texts = several.map((each) => textOf(each));
        expect(parseRange(`bytes=${texts.join(",")}`, total)).toBeNull();
        const headers = new Headers();
        for (const text of texts) headers.append("Range", `bytes=${text}`);
        expect(parseRange(headers.get("Range") ?? "", total)).toBeNull();
      }),
    );
  });

  test("gives a part that lies within the blob, whatever the text", () => {
    const likely = fc.constantFrom("0", "1", "9", "-", ",", " ", "x", "=");
    fc.assert(
      fc.property(fc.string({ unit: likely, maxLength: 6 }), size, (text, total) => {
        const asked = parseRange(`bytes=${text}`, total);
        if (asked === null || asked === unsatisfiable) return;
        const { first, last } = asked;
        expect([first, last].every(Number.isSafeInteger)).toBe(true);
        expect(0 <= first && first <= last && last < total).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  test.each(["9", "-", " ", ",", "9-", "9-9,", "bytes=", ", "])("ends on 16 KiB of %j", (piece) => {
    const text = piece.repeat(16_384 / piece.length);
    for (const start of ["", "bytes=", "bytes=,", "bytes=1-", "bytes=-"]) {
      expect(parseRange(`${start}${text}x`, 10)).toBeNull();
      expect(parseRange(`${start}${text}x,`, 10)).toBeNull();
    }
  });
});

describe("Content-Range", () => {
  test("of a part names its first and last byte and the size (section 14.4)", () => {
    expect(contentRangeOf({ first: 42, last: 1233 }, 1234)).toBe("bytes 42-1233/1234");
    expect(contentRangeOf({ first: 0, last: 0 }, 1)).toBe("bytes 0-0/1");
  });

  test("of a refusal names the size alone", () => {
    expect(unsatisfiedRangeOf(47_022)).toBe("bytes */47022");
    expect(unsatisfiedRangeOf(0)).toBe("bytes */0");
  });
});
