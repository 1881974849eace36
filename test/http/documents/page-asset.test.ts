import { describe, expect, it } from "bun:test";
import { ownHostPolicy, toAssetResponse } from "../../../src/http/documents/page-asset.ts";

describe("ownHostPolicy", () => {
  it("lets a page have nothing from another host, and nobody frame it", () => {
    const directives = ownHostPolicy("form-action 'self'").split("; ");
    expect(directives).toContain("default-src 'none'");
    expect(directives).toContain("frame-ancestors 'none'");
    expect(directives).toContain("base-uri 'none'");
    expect(directives.at(-1)).toBe("form-action 'self'");
    const sources = directives.flatMap((directive) => directive.split(" ").slice(1));
    expect(new Set(sources)).toEqual(new Set(["'none'", "'self'", "data:"]));
  });
});

describe("toAssetResponse", () => {
  const policy = ownHostPolicy("form-action 'none'");

  it.each([
    ["text", "caf\u00E9"],
    ["a file", new Blob(["caf\u00E9"])],
  ])("carries %s with its type and its policy", async (_, body) => {
    const type = "text/html; charset=utf-8";
    const response = await toAssetResponse({ type, policy, body: () => body });
    expect(await response.text()).toBe("caf\u00E9");
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": type,
      "content-security-policy": policy,
      "x-content-type-options": "nosniff",
      // A form's Origin would be `null` with `no-referrer`.
      "referrer-policy": "same-origin",
      "cache-control": "no-cache",
    });
  });

  it("can be made again and again", async () => {
    const asset = { type: "text/css", policy, body: () => new Blob(["a {}"]) };
    for (let time = 0; time < 2; time += 1) {
      expect(await (await toAssetResponse(asset)).text()).toBe("a {}");
    }
  });
});
