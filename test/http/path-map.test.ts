import { describe, expect, test } from "bun:test";

import { methodsOf, pathOf, toUnmatched } from "../../src/http/path-map.ts";

const hex = "0123456789abcdef".repeat(4);
const read = ["GET", "HEAD", "OPTIONS"];

describe("methodsOf", () => {
  test("of the upload path is POST", () => {
    expect(methodsOf("/api/v1/metadata")).toEqual(["POST", "OPTIONS"]);
  });

  test.each([
    `/api/v1/metadata/${hex}`,
    "/api/v1/metadata/x",
    "/healthz",
    "/readyz",
    "/swagger",
    "/swagger/json",
    "/openapi.yaml",
  ])("of %s is reading", (path) => {
    expect(methodsOf(path)).toEqual(read);
  });

  test.each([
    "/",
    "",
    "/api/v1/metadata/",
    "//api/v1/metadata",
    "/api//v1/metadata",
    "/api/v1//metadata",
    `/api/v1/metadata//${hex}`,
    `/api/v1/metadata/${hex}/`,
    `/api/v1/metadata/${hex}/x`,
    `/x/api/v1/metadata/${hex}`,
    "/API/v1/metadata",
    "/api/v1/metadatax",
    "/healthz/",
    "/swagger/",
    "/swagger/x",
    "/metrics",
    "/constructor",
  ])("%s is no path", (path) => {
    expect(methodsOf(path)).toBeNull();
  });
});

describe("toUnmatched", () => {
  test.each(["GET", "POST", "OPTIONS"])("%s of no path is 404", (method) => {
    expect(toUnmatched(method, "/nothing")).toMatchObject({ error: { code: "route_not_found" } });
    expect(toUnmatched(method, "/nothing")).not.toHaveProperty("allow");
  });

  test.each([
    ["GET", "/api/v1/metadata", "POST, OPTIONS"],
    ["DELETE", "/api/v1/metadata", "POST, OPTIONS"],
    ["POST", `/api/v1/metadata/${hex}`, "GET, HEAD, OPTIONS"],
    ["TRACE", "/healthz", "GET, HEAD, OPTIONS"],
  ])("%s %s is 405 and allows %s", (method, path, allow) => {
    const unmatched = toUnmatched(method, path);
    expect(unmatched).toMatchObject({ error: { code: "method_not_allowed" }, allow });
  });

  test.each([
    ["/api/v1/metadata", "POST, OPTIONS"],
    ["/readyz", "GET, HEAD, OPTIONS"],
  ])("OPTIONS %s is told %s, without an error", (path, allow) => {
    expect(toUnmatched("OPTIONS", path)).toEqual({ allow });
  });
});

describe("pathOf", () => {
  test.each([
    ["http://host/", "/"],
    ["http://host", "/"],
    ["http://host/a/b", "/a/b"],
    ["http://host:8080/a?b=/c", "/a"],
    ["https://[::1]:8080/a", "/a"],
    ["http://host//a", "//a"],
    ["http://host/a/?", "/a/"],
    ["http://host/a%2Fb", "/a%2Fb"],
  ])("of %s is %s", (url, path) => {
    expect(pathOf(url)).toBe(path);
  });
});
