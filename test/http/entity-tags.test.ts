import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { namesStrongly, namesWeakly, parseEntityTags } from "../../src/http/entity-tags.ts";

interface Tag {
  readonly isWeak: boolean;
  /** With its quotes. */
  readonly opaque: string;
}

/** Everything that may stand between the quotes (RFC 9110 section 8.8.3): 0x21, 0x23 to 0xff. */
const etagc = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).filter(
  (character) => /[^\0- "\x7f]/.test(character),
);

const tag: fc.Arbitrary<Tag> = fc.record({
  isWeak: fc.boolean(),
  opaque: fc
    .string({ unit: fc.constantFrom(...etagc, ",", "W", "/", "*"), maxLength: 8 })
    .map((text) => `"${text}"`),
});

/** What may stand between two elements, empty elements included (section 5.6.1.2). */
const separator = fc
  .tuple(fc.stringMatching(/^[ \t,]{0,3}$/), fc.stringMatching(/^[ \t,]{0,3}$/))
  .map(([before, behind]) => `${before},${behind}`);

function textOf({ isWeak, opaque }: Tag): string {
  return (isWeak ? "W/" : "") + opaque;
}

function listOf(tags: readonly Tag[]) {
  return {
    isAny: false,
    strong: tags.filter(({ isWeak }) => !isWeak).map(({ opaque }) => opaque),
    weak: tags.filter(({ isWeak }) => isWeak).map(({ opaque }) => opaque),
  };
}

describe("parseEntityTags", () => {
  test.each<[string, string[], string[]]>([
    ['"a"', ['"a"'], []],
    ['W/"a"', [], ['"a"']],
    ['""', ['""'], []],
    ['W/""', [], ['""']],
    ['"xyzzy", W/"r2d2xxxx", "c3piozzzz"', ['"xyzzy"', '"c3piozzzz"'], ['"r2d2xxxx"']],
    ['"a","b"', ['"a"', '"b"'], []],
    ['"a"\t,\t"b"', ['"a"', '"b"'], []],
    [', ,, "a" , ,"b",,', ['"a"', '"b"'], []],
    ['"a,b", "c"', ['"a,b"', '"c"'], []],
    ['"a,", ",b"', ['"a,"', '",b"'], []],
    ['"*"', ['"*"'], []],
    ['"W/"', ['"W/"'], []],
    ['"\\", "a"', ['"\\"', '"a"'], []], // no escapes: a backslash is a character
    ['"caf\u00e9"', ['"caf\u00e9"'], []],
    ['"a", "a"', ['"a"', '"a"'], []],
  ])("reads %s", (text, strong, weak) => {
    expect(parseEntityTags(text)).toEqual({ isAny: false, strong, weak });
  });

  test("reads * as any, where it stands alone", () => {
    expect(parseEntityTags("*")).toEqual({ isAny: true, strong: [], weak: [] });
  });

  test.each(["", " ", ",", " , ,"])("finds nothing in %j", (text) => {
    expect(parseEntityTags(text)).toEqual(listOf([]));
  });

  test.each([
    "b",
    "*",
    'w/"b"',
    'W /"b"',
    'W/ "b"',
    "W/",
    "W/*",
    '"b',
    'b"',
    '"b"c',
    '"b" c',
    '"b""c"',
    '"b" "c"',
    '"b"; q=1',
    '"b c"',
    '"b\tc"',
    '"b\u007f"',
    '"b\u0100"',
    "'b'",
    "\u00a0",
    '\u00a0"b"',
  ])("counts what stands before %j, and nothing behind it", (junk) => {
    expect(parseEntityTags(junk === "*" ? "*, *" : junk)).toEqual(listOf([]));
    expect(parseEntityTags(`${junk}, "z"`)).toEqual(listOf([]));
    const before = listOf([{ isWeak: false, opaque: '"a"' }]);
    expect(parseEntityTags(`"a", ${junk}`)).toEqual(before);
    expect(parseEntityTags(`"a", ${junk}, "z"`)).toEqual(before);
  });

  test("reads a list of any tags as those, in order", () => {
    const more = fc.array(fc.tuple(separator, tag), { maxLength: 6 });
    const edge = fc.stringMatching(/^[ \t,]{0,3}$/);
    fc.assert(
      fc.property(tag, more, fc.tuple(edge, edge), (first, others, [start, end]) => {
        const text = others.map(([between, other]) => between + textOf(other)).join("");
        const tags = [first, ...others.map(([, other]) => other)];
        expect(parseEntityTags(start + textOf(first) + text + end)).toEqual(listOf(tags));
      }),
    );
  });

  test("reads a field sent several times as one list", () => {
    fc.assert(
      fc.property(fc.array(tag, { minLength: 1, maxLength: 6 }), (tags) => {
        const headers = new Headers();
        for (const each of tags) headers.append("If-Match", ` ${textOf(each)}\t`);
        expect(parseEntityTags(headers.get("If-Match") ?? "")).toEqual(listOf(tags));
      }),
    );
  });

  test("reads nothing out of any text that is not written in it", () => {
    const unit = fc.constantFrom('"', '"', ",", " ", "W", "/", "a", "*", "\t", "é", "\0");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 20 }), (text) => {
        const { isAny, strong, weak } = parseEntityTags(text);
        expect(isAny).toBe(text === "*");
        for (const opaque of strong) expect(text).toContain(opaque);
        for (const opaque of weak) expect(text).toContain(`W/${opaque}`);
      }),
      { numRuns: 1000 },
    );
  });

  test("does not mind what it has read before", () => {
    for (let round = 0; round < 2; round += 1) {
      expect(parseEntityTags('"a", x').strong).toEqual(['"a"']);
      expect(parseEntityTags('"b"').strong).toEqual(['"b"']);
    }
  });

  test.each(['"', '""', '"",', '"" ', " ", ",", "W/", 'W/"",', '"a', "*,"])(
    "ends on 16 KiB of %j",
    (piece) => {
      const text = piece.repeat(16_384 / piece.length);
      const most = 16_384 / 3;
      for (const start of ["", '"a"', '"a",', '"', "W/"]) {
        for (const end of ["", "x", '"']) {
          const { strong, weak } = parseEntityTags(start + text + end);
          expect(strong.length + weak.length).toBeLessThanOrEqual(most + 2);
        }
      }
    },
  );
});

describe("comparison (RFC 9110 section 8.8.3.2)", () => {
  test.each([
    ['"1"', "strongly and weakly"],
    ['W/"1"', "weakly"],
    ['W/"2"', "not"],
    ['"2"', "not"],
    ["*", "strongly and weakly"],
    ["", "not"],
    ['"2", W/"1"', "weakly"],
    ['W/"1", "1"', "strongly and weakly"],
    ['"11"', "not"],
    ["1", "not"],
  ])('%j names "1": %s', (text, how) => {
    const list = parseEntityTags(text);
    expect(namesStrongly(list, '"1"')).toBe(how === "strongly and weakly");
    expect(namesWeakly(list, '"1"')).toBe(how !== "not");
  });

  test("minds the case of letters", () => {
    expect(namesWeakly(parseEntityTags('"A", W/"A"'), '"a"')).toBe(false);
  });

  test("a list names exactly the tags it is made of", () => {
    fc.assert(
      fc.property(fc.array(tag, { maxLength: 5 }), tag, (tags, { opaque: other }) => {
        const list = parseEntityTags(tags.map(textOf).join(", "));
        for (const opaque of [other, ...tags.map((each) => each.opaque)]) {
          const alike = tags.filter((each) => each.opaque === opaque);
          expect(namesWeakly(list, opaque)).toBe(alike.length > 0);
          expect(namesStrongly(list, opaque)).toBe(alike.some(({ isWeak }) => !isWeak));
        }
      }),
    );
  });
});
