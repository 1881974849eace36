import { describe, expect, it } from "bun:test";
import { createDestinations } from "../../src/http/destinations.ts";
import { createOriginGuard, preflightFields } from "../../src/http/origins.ts";
import { codeThrownBy } from "../support/error-code.ts";

const guard = createOriginGuard({
  uploadOrigins: new Set(["https://app.example", "http://localhost:3000"]),
  destinations: createDestinations({
    cdnDomain: null,
    isTrustedProxy: null,
    senderOf: () => null,
  }),
});

function refusalOf(origin: string | null, url = "http://registry.example:8080/x"): string {
  const headers = origin === null ? {} : { origin };
  return codeThrownBy(() => guard(new Request(url, { method: "POST", headers })));
}

describe("the origin guard", () => {
  it.each([
    [null, "what is no page"],
    ["http://registry.example:8080", "the registry's own page"],
    ["https://registry.example:8080", "its own page behind a proxy that takes TLS off"],
    ["https://app.example", "a listed one"],
    ["http://localhost:3000", "another listed one"],
  ])("lets %p pass: %s", (origin) => {
    expect(refusalOf(origin)).toBe("none");
  });

  it.each([
    "https://other.example",
    "http://registry.example",
    "http://registry.example:80800",
    "http://app.example",
    "https://app.example:444",
    "https://app.example.evil",
    "null",
    "",
    "file://registry.example:8080",
  ])("refuses %p", (origin) => {
    expect(refusalOf(origin)).toBe("origin_not_allowed");
  });
});

it("a preflight tells the methods of the path, and is kept for a day", () => {
  expect(preflightFields(["GET", "HEAD", "OPTIONS"])).toMatchObject({
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Max-Age": "86400",
  });
});
