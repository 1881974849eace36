import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import type { Bytes } from "../../src/domain/bytes.ts";
import { limits } from "../../src/domain/limits.ts";
import { parseBoundary } from "../../src/multipart/boundary.ts";
import { createFormReader } from "../../src/multipart/form-reader.ts";
import { anyBodies, legalForms, pieceSizes } from "../support/form-arbitraries.ts";
import { dataOutcome, inSingleBytes, outcomeOf, requestOutcome } from "../support/form-outcome.ts";
import { concatBytes, cutBytes, formBody, uploaderBody, utf8 } from "../support/form.ts";
import { hostileForms } from "../support/hostile-forms.ts";

const boundary = "B";
const dataPart = { name: "data", data: "bytes" };

function withHeaders(...headers: string[]): Bytes {
  return formBody({ boundary, parts: [{ headers, data: "bytes" }] });
}

describe("any legal form", () => {
  test("gives exactly the bytes of its data part, however it is cut", () => {
    fc.assert(
      fc.property(legalForms, (form) => {
        const { before, after, data, filename, preamble, padding, epilogue } = form;
        const body = formBody({
          boundary: form.boundary,
          parts: [
            ...before,
            { name: "data", data, ...(filename === undefined ? {} : { filename }) },
            ...after,
          ],
          ...(preamble === undefined ? {} : { preamble }),
          epilogue,
          padding,
        });
        const isQuoted = form.quoted || form.boundary.includes(" ");
        const parameter = isQuoted ? `"${form.boundary}"` : form.boundary;
        const parsed = parseBoundary(`multipart/form-data; boundary=${parameter}`);
        expect(outcomeOf(parsed, cutBytes(body, form.sizes))).toBe(dataOutcome(data));
        expect(outcomeOf(parsed, inSingleBytes(body))).toBe(dataOutcome(data));
      }),
      { numRuns: 400 },
    );
  });

  test("gives an uploader's bytes back, however they are cut", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), pieceSizes, (bytes, sizes) => {
        const data = new Uint8Array(bytes);
        const { boundary: parsed, body } = uploaderBody(data);
        expect(outcomeOf(parsed, cutBytes(body, sizes))).toBe(dataOutcome(data));
      }),
    );
  });
});

describe("any body at all", () => {
  test("comes to the same in one piece and in any others", () => {
    const opening = fc.constantFrom(
      "",
      `--B\r\nContent-Disposition: form-data; name="data"\r\n\r\n`,
    );
    fc.assert(
      fc.property(opening, anyBodies, pieceSizes, (head, text, sizes) => {
        const body = utf8(head + text);
        const whole = outcomeOf(boundary, [body]);
        expect(outcomeOf(boundary, inSingleBytes(body))).toBe(whole);
        expect(outcomeOf(boundary, cutBytes(body, sizes))).toBe(whole);
      }),
      { numRuns: 3_000 },
    );
  });

  test("is refused for its first fault, also where a piece holds two", () => {
    const tooLong = "x".repeat(limits.otherPartsBytesMax + 1);
    const body = concatBytes(tooLong, "\r\n--B\nX: y\n\n\n--B--\n");
    expect(outcomeOf(boundary, [body])).toBe("other_parts_too_large");
    expect(outcomeOf(boundary, cutBytes(body, [tooLong.length]))).toBe("other_parts_too_large");
  });
});

describe("a form that is cut", () => {
  const forms: [name: string, body: Bytes][] = [
    ["one part", formBody({ boundary, parts: [dataPart] })],
    ["the data first", formBody({ boundary, parts: [dataPart, { name: "x", data: "\r\n--" }] })],
    ["the data last", formBody({ boundary, parts: [{ name: "x", data: "" }, dataPart] })],
    ["an empty part", formBody({ boundary, parts: [{ name: "data", data: "" }] })],
    ["a preamble", formBody({ boundary, parts: [dataPart], preamble: "--A\r\n" })],
    [
      "data like a delimiter",
      formBody({ boundary, parts: [{ name: "data", data: "\r\n--Bx--" }] }),
    ],
  ];

  test.each(forms)("is refused wherever the cut is: %s", (_, body) => {
    const closed = body.length - 2;
    for (let length = 0; length < closed; length += 1) {
      const code = outcomeOf(boundary, [body.subarray(0, length)]);
      expect(["no_parts", "truncated_body"]).toContain(code);
      expect(outcomeOf(boundary, inSingleBytes(body.subarray(0, length)))).toBe(code);
    }
  });

  test.each(forms)("is whole once its close is there: %s", (_, body) => {
    const whole = outcomeOf(boundary, [body]);
    expect(whole).toStartWith("data ");
    for (const cut of [1, 2]) expect(outcomeOf(boundary, [body.slice(0, -cut)])).toBe(whole);
  });
});

describe("a hostile form", () => {
  test.each(hostileForms)("is refused: $name", ({ contentType, body, code }) => {
    expect(requestOutcome(contentType, [body])).toBe(code);
  });

  test.each(hostileForms)("is refused in small pieces: $name", ({ contentType, body, code }) => {
    const sizes = Array.from({ length: body.length / 3 }, (_, index) => 1 + (index % 7));
    expect(requestOutcome(contentType, cutBytes(body, sizes))).toBe(code);
  });
});

describe("an unusual form", () => {
  const disposition = 'Content-Disposition: form-data; name="data"';

  test.each<[name: string, body: Bytes]>([
    ["an unquoted name", withHeaders("Content-Disposition: form-data; name=data")],
    [
      "filename before name",
      withHeaders('Content-Disposition: form-data; filename="a"; name="data"'),
    ],
    ["a name in the filename", withHeaders(`${disposition}; filename="; name=other"`)],
    ["a header folded", withHeaders('Content-Disposition: form-data;\r\n\tname="data"')],
    ["another case", withHeaders('CONTENT-DISPOSITION:Form-Data;NAME="data"')],
    ["another disposition", withHeaders('Content-Disposition: attachment; name="data"')],
    [
      "blanks around everything",
      withHeaders('Content-Disposition:  form-data ;  name = "data" ; x'),
    ],
    ["an encoded name besides", withHeaders("Content-Disposition: form-data; name*=x; name=data")],
    ["other headers first", withHeaders("X: y", "Content-Type: a/b", disposition)],
    ["bytes beyond ASCII in a header", withHeaders("X: ü", disposition)],
  ])("is read: %s", (_, body) => {
    expect(outcomeOf(boundary, [body])).toBe(dataOutcome("bytes"));
  });

  test("of two data parts gives the first", () => {
    const parts = [dataPart, { name: "data", data: "second" }];
    expect(outcomeOf(boundary, [formBody({ boundary, parts })])).toBe(dataOutcome("bytes"));
  });

  test("takes a delimiter for one where content begins, for the line end before serves it", () => {
    const body = utf8(`--B\r\nContent-Disposition: form-data; name="data"\r\n\r\n--B--\r\n`);
    expect(outcomeOf(boundary, [body])).toBe(dataOutcome(""));
    expect(outcomeOf(boundary, inSingleBytes(body))).toBe(dataOutcome(""));
  });

  test.each(["x", "-", "-x", "--x", " x", "\rx", "\r\r\n", `${" ".repeat(1_025)}\r\n`])(
    "keeps as data what only begins like a delimiter, then goes on with %j",
    (tail) => {
      const data = `a\r\n--B${tail}b`;
      const body = formBody({ boundary, parts: [{ name: "data", data }] });
      expect(outcomeOf(boundary, [body])).toBe(dataOutcome(data));
      expect(outcomeOf(boundary, inSingleBytes(body))).toBe(dataOutcome(data));
    },
  );

  test("takes blanks behind a delimiter for padding", () => {
    const body = formBody({ boundary, parts: [dataPart], padding: " ".repeat(1_022) });
    expect(outcomeOf(boundary, [body])).toBe(dataOutcome("bytes"));
    expect(outcomeOf(boundary, inSingleBytes(body))).toBe(dataOutcome("bytes"));
  });
});

describe("a form at its limits", () => {
  test("has 100 parts", () => {
    const others = Array.from({ length: 99 }, () => ({ name: "other", data: "x" }));
    const body = formBody({ boundary, parts: [...others, dataPart] });
    expect(outcomeOf(boundary, [body])).toBe(dataOutcome("bytes"));
  });

  test("has part headers of exactly 16 KiB", () => {
    const fixed = 'Content-Disposition: form-data; name="data"\r\nX: \r\n\r\n'.length;
    const headers = [`X: ${"x".repeat(limits.partHeaderBytesMax - fixed)}`];
    const body = formBody({ boundary, parts: [{ ...dataPart, headers }] });
    expect(outcomeOf(boundary, [body])).toBe(dataOutcome("bytes"));
    expect(outcomeOf(boundary, inSingleBytes(body))).toBe(dataOutcome("bytes"));
  });

  test.each(["other part", "preamble", "epilogue"])("has an %s of exactly 1 MiB", (place) => {
    const much = "x".repeat(limits.otherPartsBytesMax);
    const body = formBody({
      boundary,
      parts: place === "other part" ? [{ name: "x", data: much }, dataPart] : [dataPart],
      ...(place === "preamble" ? { preamble: much } : {}),
      ...(place === "epilogue" ? { epilogue: much } : {}),
    });
    expect(outcomeOf(boundary, [body])).toBe(dataOutcome("bytes"));
    expect(outcomeOf(boundary, cutBytes(body, Array(30).fill(40_000)))).toBe(dataOutcome("bytes"));
  });

  test("has data of any length: only the other parts are counted", () => {
    const data = new Uint8Array(limits.otherPartsBytesMax * 3);
    const body = formBody({ boundary, parts: [{ name: "data", data }] });
    expect(outcomeOf(boundary, [body])).toBe(dataOutcome(data));
  });
});

describe("memory", () => {
  test("the data of a body in one piece is one view of it", () => {
    const { boundary: parsed, body } = uploaderBody(new Uint8Array(100_000));
    const views: Bytes[] = [];
    createFormReader({ boundary: parsed, onData: (bytes) => views.push(bytes) }).push(body);
    expect(views.map(({ length }) => length)).toEqual([100_000]);
    expect(views[0]?.buffer).toBe(body.buffer);
  });

  test("the data of a body in pieces is views of them", () => {
    const { boundary: parsed, body } = uploaderBody(new Uint8Array(300_000));
    const pieces = cutBytes(body, Array(30).fill(10_000)).map((piece) => piece.slice());
    const buffers = new Set(pieces.map((piece) => piece.buffer));
    const views: Bytes[] = [];
    const reader = createFormReader({ boundary: parsed, onData: (bytes) => views.push(bytes) });
    for (const piece of pieces) reader.push(piece);
    expect(views.length).toBe(pieces.length);
    expect(views.every((view) => buffers.has(view.buffer))).toBe(true);
  });

  test("four megabytes of CR, any of which may begin a delimiter, come out as they are", () => {
    const total = 4 * 1_048_576;
    let taken = 0;
    const reader = createFormReader({
      boundary,
      onData: (bytes) => {
        taken += bytes.length;
      },
    });
    reader.push(utf8('--B\r\nContent-Disposition: form-data; name="data"\r\n\r\n'));
    const crs = new Uint8Array(64).fill(13);
    for (let pushed = 0, size = 1; pushed < total; size = (size % 64) + 1) {
      const piece = crs.subarray(0, Math.min(size, total - pushed));
      reader.push(piece);
      pushed += piece.length;
    }
    reader.push(utf8("\r\n--B--\r\n"));
    reader.end();
    expect(taken).toBe(total);
  });
});
