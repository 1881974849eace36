import { describe, expect, test } from "bun:test";

import { keyTextOf, methodsOf, pathOf, toUnmatched } from "../../src/http/path-map.ts";

const hex = "0123456789abcdef".repeat(4);
const read = ["GET", "HEAD", "OPTIONS"];

describe("methodsOf", () => {
  test.each(["/api/v1/metadata", "/api/v1/metadata/exists"])("of %s is POST", (path) => {
    expect(methodsOf(path)).toEqual(["POST", "OPTIONS"]);
  });

  test.each([hex, hex.slice(0, 32), "x", "exists%20", "Exists", "exists."])(
    "of a blob, whatever its key looks like (%s), is reading and putting",
    (key) => {
      expect(methodsOf(`/api/v1/metadata/${key}`)).toEqual(["GET", "HEAD", "PUT", "OPTIONS"]);
    },
  );

  test.each(["/healthz", "/livez", "/readyz", "/swagger", "/swagger/json", "/openapi.yaml"])(
    "of %s is reading",
    (path) => {
      expect(methodsOf(path)).toEqual(read);
    },
  );

  test.each([
    "/home",
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
    "/api/v1/metadata/exists/",
    "/api/v1/metadata/exists/x",
    "/exists",
    "/healthz/",
    "/swagger/",
    "/swagger/x",
    "/metrics",
    "/constructor",
  ])("%s is no path", (path) => {
    expect(methodsOf(path)).toBeNull();
  });
});

describe("keyTextOf", () => {
  test.each([
    [hex, hex],
    ["A%42c", "ABc"],
    ["a%2Fb", "a/b"],
    ["%zz", "%zz"],
    ["%ff", "%ff"],
    ["%65xists", "exists"],
  ])("of %s is %s", (text, key) => {
    expect(keyTextOf(`/api/v1/metadata/${text}`)).toBe(key);
  });

  test.each(["", "a/b", "/a", "exists"])("there is none in %p", (text) => {
    expect(keyTextOf(`/api/v1/metadata/${text}`)).toBeNull();
  });
});

describe("toUnmatched", () => {
  test.each(["GET", "POST", "OPTIONS"])("%s of no path is 404", (method) => {
    expect(toUnmatched(method, methodsOf("/nothing"))).toMatchObject({
      error: { code: "route_not_found" },
    });
    expect(toUnmatched(method, methodsOf("/nothing"))).not.toHaveProperty("allow");
  });

  test.each([
    ["GET", "/api/v1/metadata", "POST, OPTIONS"],
    ["DELETE", "/api/v1/metadata", "POST, OPTIONS"],
    ["POST", `/api/v1/metadata/${hex}`, "GET, HEAD, PUT, OPTIONS"],
    ["GET", "/api/v1/metadata/exists", "POST, OPTIONS"],
    ["PUT", "/api/v1/metadata/exists", "POST, OPTIONS"],
    ["TRACE", "/healthz", "GET, HEAD, OPTIONS"],
  ])("%s %s is 405 and allows %s", (method, path, allow) => {
    const unmatched = toUnmatched(method, methodsOf(path));
    expect(unmatched).toMatchObject({ error: { code: "method_not_allowed" }, allow });
  });

  test.each([
    ["/api/v1/metadata", "POST, OPTIONS"],
    ["/api/v1/metadata/exists", "POST, OPTIONS"],
    [`/api/v1/metadata/${hex}`, "GET, HEAD, PUT, OPTIONS"],
    ["/readyz", "GET, HEAD, OPTIONS"],
  ])("OPTIONS %s is told %s, without an error", (path, allow) => {
    expect(toUnmatched("OPTIONS", methodsOf(path))).toEqual({ methods: allow.split(", ") });
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
