import { describe, expect, test } from "bun:test";

import { createContentReader, type ContentEnd } from "../../src/multipart/content-reader.ts";
import { concatBytes, utf8 } from "../support/form.ts";

/** What a first read of this text gives. */
function readText(text: string): { content: string; kind: ContentEnd["kind"]; rest: string } {
  let content = "";
  const { kind, rest } = createContentReader("B").read(utf8(text), (bytes) => {
    content += new TextDecoder().decode(bytes);
  });
  return { content, kind, rest: new TextDecoder().decode(rest) };
}

describe("read", () => {
  test.each<[text: string, content: string, kind: ContentEnd["kind"], rest: string]>([
    ["--B\r\nmore", "", "opens", "more"],
    ["--B--\r\nmore", "", "closes", "more"],
    ["x\r\n--B\r\n", "x", "opens", ""],
    ["\r\n--B\r\n", "", "opens", ""],
    ["--Bx\r\n--B\r\n", "--Bx", "opens", ""],
    ["x\r\n--Bx\r\n--B--\r\n", "x\r\n--Bx", "closes", ""],
    ["x", "x", "unfinished", ""],
    ["--", "", "unfinished", "--"],
    ["x\r\n-", "x", "unfinished", "\r\n-"],
    ["x\r\n--B-", "x", "unfinished", "\r\n--B-"],
    ["x\r\n--B--", "x", "unfinished", "\r\n--B--"],
  ])("of %j gives the content %j, then %s and the rest %j", (text, ...told) => {
    const [content, kind, rest] = told;
    expect(readText(text)).toEqual({ content, kind, rest });
  });

  test("goes on with the rest and what follows", () => {
    const reader = createContentReader("B");
    const { rest } = reader.read(utf8("x\r\n--B"), () => {});
    const end = reader.read(concatBytes(rest, "\r\nmore"), () => {});
    expect(end).toEqual({ kind: "opens", rest: utf8("more") });
  });
});

describe("lastDelimiter", () => {
  test.each<[text: string, last: "opens" | "closes" | null]>([
    ["--B--", "closes"],
    ["x\r\n--B--", "closes"],
    ["x\r\n--B-- \t", "closes"],
    ["x\r\n--B--\r", "closes"],
    ["x\r\n--B", "opens"],
    ["--B-", "opens"],
    ["x\r\n--", null],
    ["x", null],
  ])("of a body that ends with %j is %p", (text, last) => {
    const reader = createContentReader("B");
    const { rest } = reader.read(utf8(text), () => {});
    expect(reader.lastDelimiter(rest)).toBe(last);
  });
});
