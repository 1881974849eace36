import fc from "fast-check";

import type { Bytes } from "../../src/domain/bytes.ts";
import { concatBytes, utf8 } from "./form.ts";

function escaped(text: string): string {
  return text.replaceAll(/[^\w ]/g, String.raw`\$&`);
}

/** Whether these bytes, at the start of a line and with a line end behind, hold a delimiter. */
function holdsDelimiter(bytes: Bytes, formBoundary: string): boolean {
  const text = Buffer.from(bytes).toString("latin1");
  const delimiter = `(?:^|\\r\\n)--${escaped(formBoundary)}(?:--)?[ \\t]*(?:\\r?\\n|$)`;
  return new RegExp(delimiter).test(text);
}

/** Sizes of the pieces a body is cut into. */
export const pieceSizes = fc.array(fc.oneof(fc.nat(3), fc.nat(40)), { maxLength: 60 });
const boundaryCharacter = fc.constantFrom(
  ..."0123456789ABCXYZabcxyz'()+_,-./:=?-------  ".split(""),
);
const boundaries = fc
  .array(boundaryCharacter, { minLength: 1, maxLength: 70 })
  .map((characters) => characters.join(""))
  .filter((text) => !text.endsWith(" "));
const blanks = fc.constantFrom("", " ", "\t", " \t  ");

/** Bytes made to look like framing. */
function contentOf(formBoundary: string): fc.Arbitrary<Bytes> {
  const delimiter = `\r\n--${formBoundary}`;
  const fragment = fc.oneof(
    fc
      .constantFrom("\r", "\n", "\r\n", "-", "--", "\0", "\r\r\n", "x", delimiter.slice(2))
      .map(utf8),
    fc.nat(delimiter.length).map((length) => utf8(delimiter.slice(0, length))),
    fc.constantFrom("x", "-", "-x", "--x", "\r", " x", "\r\r", "--\r").map((tail) => {
      return utf8(`${delimiter}${tail}`);
    }),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => new Uint8Array(bytes)),
  );
  return fc
    .array(fragment, { maxLength: 12 })
    .map((fragments) => concatBytes(...fragments))
    .filter((bytes) => !holdsDelimiter(bytes, formBoundary));
}

/** What a form is made of that must be read, and its Content-Type's boundary. */
export const legalForms = boundaries.chain((formBoundary) => {
  const content = contentOf(formBoundary);
  const part = fc.record({
    name: fc.constantFrom("other", "Data", "x"),
    data: content,
    headers: fc.constantFrom([], ["Content-Type: text/plain", "X: y"]),
  });
  return fc.record({
    boundary: fc.constant(formBoundary),
    quoted: fc.boolean(),
    before: fc.array(part, { maxLength: 3 }),
    data: content,
    filename: fc.option(fc.constantFrom("a.bin", "data", "x y; z"), { nil: undefined }),
    after: fc.array(
      fc.oneof(
        part,
        part.map((one) => ({ ...one, name: "data" })),
      ),
      { maxLength: 3 },
    ),
    preamble: fc.option(content, { nil: undefined }),
    epilogue: content.filter((bytes) => {
      return !`\r\n${Buffer.from(bytes).toString("latin1")}`.includes(`\r\n--${formBoundary}`);
    }),
    padding: blanks,
    sizes: pieceSizes,
  });
});

/** Text that is a form, or half of one, or nearly. */
export const anyBodies = fc
  .array(
    fc.constantFrom(
      "\r\n--B\r\n",
      "\r\n--B--\r\n",
      "--B\r\n",
      "--B--",
      "\r\n--B",
      "--B",
      "\r\n--",
      "\r\n",
      "\r",
      "\n",
      "-",
      "--",
      "B",
      " ",
      "\t",
      "x",
      "\0",
      ":",
      ";",
      "\r\n\r\n",
      "\r\n--B--",
      "\r\n--B \r\n",
      "\r\n--Bx",
      "\r\n--B-",
      'Content-Disposition: form-data; name="data"\r\n\r\n',
      "X: y\r\n",
      "Content-Disposition: form-data; name=other\r\n",
      "\r\n y: z\r\n",
      "name=data",
      "\r\n--B\n",
    ),
    { maxLength: 14 },
  )
  .map((texts) => texts.join(""));
