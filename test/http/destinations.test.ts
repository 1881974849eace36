import { describe, expect, it } from "bun:test";
import { createDestinations } from "../../src/http/destinations.ts";
import { codeThrownBy } from "../support/error-code.ts";

const label = "69ad1bfe3cb50155a6b95a24748d4398";

function open(isBehindProxy = false) {
  return createDestinations({
    cdnDomain: "cdn.example",
    isTrustedProxy: isBehindProxy ? (address) => address === "10.0.0.1" : null,
    senderOf: (request) => request.headers.get("sender-of-test"),
  });
}

/** A request whose URL is as Bun makes it: of the Host, which need not be one. */
function ask(host: string, headers: Record<string, string> = {}): Request {
  const request = new Request("http://any/", { headers });
  Object.defineProperty(request, "url", { value: `http://${host}/` });
  return request;
}

describe("labelOf", () => {
  it.each([
    [`${label}.cdn.example`, label],
    [`${label.toUpperCase()}.CDN.Example:8080`, label],
    [`${label}.cdn.example.`, label],
    [`${label}.cdn.example.:80`, label],
    ["www.cdn.example", "www"],
    ["a.b.cdn.example", "a.b"],
    ["cdn.example", null],
    ["xcdn.example", null],
    ["example", null],
    ["a", null],
    ["127.0.0.1", null],
    ["[::1]:80", null],
    [`${label}.cdn.example.org`, null],
  ])("of %p is %p", (host, expected) => {
    expect(open().labelOf(ask(host))).toBe(expected);
  });

  it("is null for every host without a domain, whatever it holds", () => {
    const destinations = createDestinations({
      cdnDomain: null,
      isTrustedProxy: null,
      senderOf: () => null,
    });
    expect(destinations.labelOf(ask("a, b"))).toBeNull();
  });

  it.each(["a, b", "", "a b", `${label}.cdn.example, cdn.example`])("refuses %p", (host) => {
    expect(codeThrownBy(() => open().labelOf(ask(host)))).toBe("invalid_host");
  });
});

describe("of", () => {
  it("is the Host, and the scheme of the connection", () => {
    expect(open().of(ask("Cdn.Example:81"))).toEqual({
      scheme: "http",
      host: "cdn.example",
      port: ":81",
    });
  });

  it("is what a trusted proxy says it is", () => {
    const fields = { "x-forwarded-host": "cdn.example", "x-forwarded-proto": "HTTPS" };
    const sent = ask("inner:8080", { ...fields, "sender-of-test": "10.0.0.1" });
    expect(open(true).of(sent)).toEqual({ scheme: "https", host: "cdn.example", port: "" });
  });

  it.each(["10.0.0.2", ""])("heeds nobody else (%p)", (sender) => {
    const fields = { forwarded: "host=forged;proto=https" };
    const sent = ask("real:1", { ...fields, "sender-of-test": sender });
    expect(open(true).of(sent)).toEqual({ scheme: "http", host: "real", port: ":1" });
    expect(open(false).of(sent)).toEqual({ scheme: "http", host: "real", port: ":1" });
  });

  it("keeps its own scheme where the proxy names none that exists", () => {
    const sent = ask("a", { "x-forwarded-proto": "gopher", "sender-of-test": "10.0.0.1" });
    expect(open(true).of(sent).scheme).toBe("http");
  });

  it("refuses a host that a trusted proxy names wrongly", () => {
    const sent = ask("a", { forwarded: 'host="a,b"', "sender-of-test": "10.0.0.1" });
    expect(codeThrownBy(() => open(true).of(sent))).toBe("invalid_host");
  });
});
