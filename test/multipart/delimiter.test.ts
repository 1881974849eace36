import { describe, expect, test } from "bun:test";

import { readDelimiterTail, type DelimiterTail } from "../../src/multipart/delimiter.ts";
import { codeThrownBy } from "../support/error-code.ts";
import { utf8 } from "../support/form.ts";

const blanks = " ".repeat(1_024);

/** The tail as it is read behind a delimiter of three bytes. */
function tailOf(text: string): DelimiterTail {
  return readDelimiterTail(utf8(`--B${text}`), 3);
}

describe("readDelimiterTail", () => {
  test.each<[text: string, kind: "opens" | "closes", end: number]>([
    ["\r\n", "opens", 5],
    ["\r\nrest", "opens", 5],
    [" \t \r\nrest", "opens", 8],
    [`${blanks}\r\n`, "opens", 1_029],
    ["--\r\n", "closes", 7],
    ["--\r\nrest", "closes", 7],
    ["--\t\r\n", "closes", 8],
  ])("%j %s, and reading goes on behind the line", (text, kind, end) => {
    expect(tailOf(text)).toEqual({ kind, end });
  });

  test.each(["x", "-x", "-\r\n", "--x", "---", " x", "\rx", "\r\r\n", "--\rx", " --\r\n"])(
    "%j is content",
    (text) => {
      expect(tailOf(text)).toEqual({ kind: "content" });
    },
  );

  test.each([`${blanks} `, `${blanks} \r\n`, `${blanks} \n`, `--${blanks}\r\n`])(
    "more than 1,024 blanks are content, whatever follows (%#)",
    (text) => {
      expect(tailOf(text)).toEqual({ kind: "content" });
    },
  );

  test.each(["", "\r", " ", " \r", "-", "--", "-- ", "--\r", blanks])(
    "%j cannot be judged yet",
    (text) => {
      expect(tailOf(text)).toEqual({ kind: "unfinished" });
    },
  );

  test.each(["\n", " \n", "--\n", "-- \n"])("%j is a bare line feed", (text) => {
    expect(codeThrownBy(() => tailOf(text))).toBe("bare_line_feed");
  });
});
