import { describe, expect, test } from "bun:test";

import { limits } from "../../src/domain/limits.ts";
import { findHeaderEnd, readPartName } from "../../src/multipart/part-headers.ts";
import { codeThrownBy } from "../support/error-code.ts";
import { utf8 } from "../support/form.ts";

describe("findHeaderEnd", () => {
  test.each([
    ["\r\n", 2],
    ["\r\nX: y\r\n\r\n", 2],
    ["X: y\r\n\r\n", 8],
    ["X: y\r\n\r\ndata\n", 8],
    ["X: y\r\n folded\r\nZ: \r\n\r\n", 22],
  ])("of %j is %d", (text, end) => {
    expect(findHeaderEnd(utf8(text), 0)).toBe(end);
  });

  test.each(["", "\r", "X: y", "X: y\r\n", "X: y\r\n\r", "X: y\r\rX: y\r\n"])(
    "of %j has not come yet",
    (text) => {
      expect(findHeaderEnd(utf8(text), 0)).toBeNull();
    },
  );

  test("is the same wherever an earlier look had to stop", () => {
    const bytes = utf8("X: y\r\nZ: \r\n\r\ndata");
    for (let seen = 0; seen < 13; seen += 1) {
      expect(findHeaderEnd(bytes.subarray(0, seen), 0)).toBeNull();
      expect(findHeaderEnd(bytes, seen)).toBe(13);
    }
  });

  test.each(["\n", "X: y\n", "X: y\n\r\n", "X: y\r\n\n", "\nX: y\r\n\r\n"])(
    "is not looked for beyond a bare line feed: %j",
    (text) => {
      expect(codeThrownBy(() => findHeaderEnd(utf8(text), 0))).toBe("bare_line_feed");
    },
  );

  test("may be 16 KiB from the start", () => {
    const text = `${"x".repeat(limits.partHeaderBytesMax - 4)}\r\n\r\n`;
    expect(findHeaderEnd(utf8(text), 0)).toBe(limits.partHeaderBytesMax);
    expect(codeThrownBy(() => findHeaderEnd(utf8(`x${text}`), 0))).toBe("part_headers_too_large");
  });

  test("is given up once 16 KiB have come without it", () => {
    const bytes = utf8("x".repeat(limits.partHeaderBytesMax));
    expect(findHeaderEnd(bytes.subarray(1), 0)).toBeNull();
    expect(codeThrownBy(() => findHeaderEnd(bytes, 0))).toBe("part_headers_too_large");
  });
});

describe("readPartName", () => {
  test.each([
    ['Content-Disposition: form-data; name="data"', "data"],
    ["content-disposition:form-data;name=data", "data"],
    ['Content-Disposition: form-data; filename="a\\"b"; name="data"', "data"],
    ['Content-Disposition: form-data;\r\n name="data"', "data"],
    ['Content-Disposition: form-data; name="da\r\n\tta"', "da\tta"],
    ['X: y\r\nContent-Disposition: form-data; name="data"\r\nZ:', "data"],
    ['Content-Disposition: form-data; name="ü"', "Ã¼"],
    ["Content-Disposition: form-data", null],
    ["Content-Disposition: form-data; name*=utf-8''data", null],
    ["Content-Type: text/plain; name=data", null],
    ["", null],
  ])("of %j is %p", (headers, name) => {
    expect(readPartName(utf8(`${headers}\r\n\r\n`))).toBe(name);
  });

  test.each([
    ["no colon", "has no name"],
    [": value", "has no name"],
    ["Content-Disposition : form-data", "has no name"],
    [" Content-Disposition: form-data", "has no name"],
    ["X: a\rb", "holds a lone CR"],
    ["Content-Disposition: x\r\nContent-Disposition: y", "is a second Content-Disposition"],
  ])("refuses %j: it %s", (headers, why) => {
    const read = (): unknown => readPartName(utf8(`${headers}\r\n\r\n`));
    expect(codeThrownBy(read)).toBe("invalid_part_header");
    expect(read).toThrow(why);
  });

  test("refuses a NUL in any header", () => {
    expect(codeThrownBy(() => readPartName(utf8("X: \0\r\n\r\n")))).toBe("nul_in_part_name");
  });
});
