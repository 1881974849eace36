import { describe, expect, it } from "bun:test";
import { authorityTextOf, parseAuthority } from "../../src/http/authority.ts";

describe("parseAuthority", () => {
  it.each([
    ["example.org", "example.org", ""],
    ["Example.ORG:8080", "example.org", ":8080"],
    ["example.org.", "example.org", ""],
    ["example.org.:80", "example.org", ":80"],
    ["example.org:", "example.org", ""],
    ["a", "a", ""],
    ["127.0.0.1:1", "127.0.0.1", ":1"],
    ["[::1]:8080", "[::1]", ":8080"],
    ["[::FFFF:10.0.0.1]", "[::ffff:10.0.0.1]", ""],
    ["my_host.local", "my_host.local", ""],
  ])("reads %p", (text, host, port) => {
    expect(parseAuthority(text)).toEqual({ host, port });
  });

  it.each([
    "",
    ".",
    "a, b",
    "a,b",
    "a b",
    "user@host",
    "host:port",
    "host:123456",
    "::1",
    "[::1",
    "host/path",
    "ho\u00e9st",
  ])("takes %p for none", (text) => {
    expect(parseAuthority(text)).toBeNull();
  });
});

describe("authorityTextOf", () => {
  it.each([
    ["http://example.org/path//x", "example.org"],
    ["https://a:1/", "a:1"],
    ["http://a", "a"],
    ["http://[::1]:80/x", "[::1]:80"],
  ])("of %p is %p", (url, text) => {
    expect(authorityTextOf(url)).toBe(text);
  });
});
