import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { readClient, readForwarded } from "../../src/http/forwarded.ts";

/** Proxies are at 10.x addresses. */
const isTrusted = (address: string): boolean => address.startsWith("10.") || address === "fd00::1";

function read(fields: Record<string, string>) {
  return readForwarded(new Headers(fields), isTrusted);
}

describe("readForwarded", () => {
  it("finds nothing where nothing is said", () => {
    expect(read({})).toEqual({ host: null, scheme: null });
  });

  it.each([
    ["host=a.example;proto=https", "a.example", "https"],
    ['for=192.0.2.1;host="a.example:8443";proto=https', "a.example:8443", "https"],
    ["Host=a.example; Proto=http", "a.example", "http"],
    // The last element is what our own proxy says; what stands before it anybody may have written.
    ["host=forged.example, for=192.0.2.1;host=a.example", "a.example", null],
    ['host="forged,\\"x", host=a.example', "a.example", null],
    // The one that sent to our proxy was ours as well: what it says counts.
    ["host=a.example;proto=https, for=10.0.0.2;host=inner.example", "a.example", "https"],
    ['host=a.example, for="10.0.0.2:4711";host=inner.example', "a.example", null],
    ['host=a.example, for="[fd00::1]:80";host=inner.example', "a.example", null],
    ["host=a.example, for=unknown;host=inner.example", "inner.example", null],
    ["host=x, host=a, for=10.1.1.1;host=b, for=10.2.2.2;host=c", "a", null],
    // Quotes that a client opens make what its proxy adds a part of its own.
    ['host=forged;x=", for="[2001:db8::1]";host=a.example', null, null],
  ])("of Forwarded: %s", (forwarded, host, scheme) => {
    expect(read({ forwarded })).toEqual({ host, scheme });
  });

  it("falls back on X-Forwarded-Host and -Proto, the last of a list", () => {
    const fields = { "x-forwarded-host": "forged, a.example", "x-forwarded-proto": "https" };
    expect(read(fields)).toEqual({ host: "a.example", scheme: "https" });
    expect(read({ ...fields, forwarded: "host=b" })).toEqual({ host: "b", scheme: "https" });
    expect(read({ "x-forwarded-host": "  " })).toEqual({ host: null, scheme: null });
  });
});

describe("readClient", () => {
  it.each<[sender: string, fields: Record<string, string>, client: string]>([
    [
      "192.0.2.1",
      { "x-forwarded-for": "198.51.100.7", forwarded: "for=198.51.100.7" },
      "192.0.2.1",
    ],
    ["10.0.0.1", {}, "10.0.0.1"],
    ["::ffff:10.0.0.1", { "x-forwarded-for": "192.0.2.1" }, "192.0.2.1"],
    ["10.0.0.1", { "x-forwarded-for": "192.0.2.9, 192.0.2.1, 10.0.0.2" }, "192.0.2.1"],
    ["10.0.0.1", { "x-forwarded-for": "10.0.0.3, 10.0.0.2" }, "10.0.0.3"],
    ["10.0.0.1", { "x-forwarded-for": "192.0.2.1:4711" }, "192.0.2.1"],
    ["10.0.0.1", { "x-forwarded-for": "2001:db8::1" }, "2001:db8::1"],
    ["10.0.0.1", { "x-forwarded-for": "[2001:db8::1]:80" }, "2001:db8::1"],
    ["10.0.0.1", { forwarded: 'for=192.0.2.9, for="[2001:db8::1]:80"' }, "2001:db8::1"],
    ["10.0.0.1", { forwarded: "for=192.0.2.1, for=10.0.0.2" }, "192.0.2.1"],
    ["10.0.0.1", { forwarded: 'for="192.0.2.1:_gazonk"' }, "192.0.2.1"],
    ["10.0.0.1", { forwarded: 'for="[2001:db8::1]:_gazonk"' }, "2001:db8::1"],
    // One of the two may be forged.
    ["10.0.0.1", { forwarded: "for=198.51.100.7", "x-forwarded-for": "192.0.2.1" }, "10.0.0.1"],
    ["10.0.0.1", { forwarded: "host=a", "x-forwarded-for": "192.0.2.1" }, "10.0.0.1"],
    ["10.0.0.1", { forwarded: "", "x-forwarded-for": "192.0.2.1" }, "10.0.0.1"],
    ["10.0.0.1", { forwarded: "for=192.0.2.1", "x-forwarded-for": "192.0.2.1" }, "192.0.2.1"],
    [
      "10.0.0.1",
      { forwarded: 'for="[2001:DB8:0::1]:80"', "x-forwarded-for": "2001:db8::1" },
      "2001:DB8:0::1",
    ],
    ["10.0.0.1", { forwarded: 'for=198.51.100.7;x=", for="[2001:db8::1]"' }, "10.0.0.1"],
    ["10.0.0.1", { forwarded: 'for=198.51.100.7;x="\\, for="[2001:db8::1]"' }, "10.0.0.1"],
    ["10.0.0.1", { forwarded: "for=unknown" }, "10.0.0.1"],
    ["10.0.0.1", { forwarded: 'for="_hidden"' }, "10.0.0.1"],
    ["10.0.0.1", { "x-forwarded-for": `fe80::1%${"a".repeat(50)}` }, "10.0.0.1"],
    ["10.0.0.1", { "x-forwarded-for": "192.0.2.1, evil\u009b31m" }, "10.0.0.1"],
    ["10.0.0.1", { "x-forwarded-for": `${"1".repeat(60)}:` }, "10.0.0.1"],
    ["10.0.0.1", { "x-forwarded-for": "300.1.1.1" }, "10.0.0.1"],
    ["10.0.0.1", { "x-forwarded-for": "A:B" }, "10.0.0.1"],
  ])("sent from %s with %p is %s", (sender, fields, client) => {
    expect(readClient(new Headers(fields), sender, isTrusted)).toBe(client);
  });

  it("never believes what a client wrote before what its proxy added", () => {
    const words = [
      '"',
      "\\",
      ",",
      ";",
      "=",
      " ",
      "[",
      "]",
      ":",
      "for=",
      "198.51.100.7",
      "10.0.0.2",
    ];
    const written = fc.array(fc.constantFrom(...words), { maxLength: 12 });
    const added = fc.constantFrom(
      ["forwarded", 'for="[2001:db8::1]:4711"'],
      ["forwarded", "proto=https;for=192.0.2.1"],
      ["x-forwarded-for", "192.0.2.1"],
      ["x-forwarded-for", "2001:db8::1"],
    );
    fc.assert(
      fc.property(written, written, added, (before, other, [name = "", value = ""]) => {
        const elsewhere = name === "forwarded" ? "x-forwarded-for" : "forwarded";
        const fields = { [name]: `${before.join("")}, ${value}`, [elsewhere]: other.join("") };
        const clients = ["2001:db8::1", "192.0.2.1", "10.0.0.1"];
        expect(clients).toContain(readClient(new Headers(fields), "10.0.0.1", isTrusted));
      }),
      { numRuns: 2000 },
    );
  });

  it("believes nobody where no proxy is trusted", () => {
    const headers = new Headers({ "x-forwarded-for": "192.0.2.1" });
    expect(readClient(headers, "10.0.0.1", null)).toBe("10.0.0.1");
  });
});
