import { describe, expect, it } from "bun:test";
import type { FlagValues } from "../../src/ops/flags.ts";
import { readHostConfig } from "../../src/ops/host-config.ts";
import { createSettings } from "../../src/ops/settings.ts";
import { UsageError } from "../../src/ops/usage-error.ts";

const read = (values: FlagValues) => readHostConfig(createSettings(values, {}));

function refusalOf(values: FlagValues): string {
  try {
    read(values);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return "none";
}

describe("readHostConfig", () => {
  it("has no names, no proxies and no origins by default", () => {
    expect(read({})).toEqual({ cdnDomain: null, isTrustedProxy: null, uploadOrigins: new Set() });
  });

  it.each([
    ["cdn.example.org", "cdn.example.org"],
    ["CDN.Example.org.", "cdn.example.org"],
    ["localhost", "localhost"],
    ["a", "a"],
    ["xn--bcher-kva.example", "xn--bcher-kva.example"],
  ])("takes the domain %p", (text, domain) => {
    expect(read({ "cdn-domain": text }).cdnDomain).toBe(domain);
  });

  it.each([
    "https://cdn.example.org",
    "cdn.example.org:8080",
    "*.cdn.example.org",
    ".example.org",
    "example..org",
    "-a.example",
    "a_b.example",
    "127.0.0.1",
    "cdn.123",
    "0x7f.1",
    "cdn.0xff",
    "::1",
    `${"a".repeat(64)}.example`,
    `${"abcdefgh.".repeat(30)}example`,
  ])("refuses the domain %p, and says how to write it", (text) => {
    expect(refusalOf({ "cdn-domain": text })).toMatch(/--cdn-domain: .* cdn\.example\.org/);
  });

  it("knows proxies by address and by network, in both families", () => {
    const networks = "192.0.2.1, 10.0.0.0/8,fd00::/8";
    const { isTrustedProxy } = read({ "trusted-proxy": networks });
    for (const [address, isTrusted] of [
      ["192.0.2.1", true],
      ["192.0.2.2", false],
      ["10.255.0.1", true],
      ["::ffff:10.255.0.1", true],
      ["::ffff:11.0.0.1", false],
      ["fd12::1", true],
      ["fe80::1", false],
      ["unknown", false],
      ["", false],
    ] as const) {
      expect([address, isTrustedProxy?.(address)]).toEqual([address, isTrusted]);
    }
  });

  it.each(["10.0.0.0/33", "10.0.0.0/", "fd00::/129", "proxy.example", "10.0.0.0/8/8", "10.0.0.1,"])(
    "refuses the proxy %p, and says how to write it",
    (text) => {
      expect(refusalOf({ "trusted-proxy": text })).toMatch(/--trusted-proxy: .* 10\.0\.0\.0\/8/);
    },
  );

  it("writes origins as browsers do", () => {
    const { uploadOrigins } = read({
      "upload-origin": "HTTPS://App.example:443,http://localhost:3000/",
    });
    expect([...uploadOrigins]).toEqual(["https://app.example", "http://localhost:3000"]);
  });

  it.each([
    "app.example",
    "https://app.example/path",
    "ftp://app.example",
    "null",
    "*",
    "https://a?",
  ])("refuses the origin %p, and says how to write it", (text) => {
    expect(refusalOf({ "upload-origin": text })).toMatch(/--upload-origin: .* https:\/\/app/);
  });
});
