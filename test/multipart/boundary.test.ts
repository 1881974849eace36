import { describe, expect, test } from "bun:test";

import { parseBoundary, readParameter } from "../../src/multipart/boundary.ts";
import { codeThrownBy } from "../support/error-code.ts";

const type = "multipart/form-data";

describe("parseBoundary", () => {
  test.each([
    [`${type}; boundary=abc`, "abc"],
    [`${type};boundary=abc`, "abc"],
    [`${type}; boundary="abc"`, "abc"],
    [`${type}; boundary="a b"`, "a b"],
    [`${type}; boundary=${"b".repeat(70)}`, "b".repeat(70)],
    [`${type}; boundary="'()+_,-./:=?"`, "'()+_,-./:=?"],
    [`${type}; boundary='()+_,-./:=?`, "'()+_,-./:=?"],
    [`${type}; boundary="a\\b"`, "ab"],
    [`${type}; charset=utf-8; boundary=abc`, "abc"],
    [`${type}; note="; boundary=no"; boundary=abc`, "abc"],
    [`${type}; boundary=abc; charset=utf-8`, "abc"],
    [`${type}; boundary=abc;`, "abc"],
    [`${type} ; BOUNDARY = abc`, "abc"],
    ["Multipart/Form-Data; boundary=abc", "abc"],
    [` ${type}\t; boundary=Abc `, "Abc"],
  ])("reads %s", (contentType, boundary) => {
    expect(parseBoundary(contentType)).toBe(boundary);
  });

  test.each([null, "", "text/plain", "multipart/mixed; boundary=b", `x${type}`, `${type}x`])(
    "refuses another type: %p",
    (contentType) => {
      expect(codeThrownBy(() => parseBoundary(contentType))).toBe("unsupported_media_type");
    },
  );

  test.each([
    type,
    `${type};`,
    `${type}; xboundary=b`,
    `${type}; boundary`,
    `${type}; boundary="b`,
  ])("misses the boundary in %s", (contentType) => {
    expect(codeThrownBy(() => parseBoundary(contentType))).toBe("missing_boundary");
  });

  test.each(["", '""', '" "', '"b "', "b".repeat(71), "b*", 'b"b"', '"b\\"b"', "ä"])(
    "refuses the boundary %s",
    (boundary) => {
      const code = codeThrownBy(() => parseBoundary(`${type}; boundary=${boundary}`));
      expect(code).toBe("invalid_boundary");
    },
  );

  test("says in a refusal how long a boundary may be", () => {
    expect(() => parseBoundary(`${type}; boundary=${"b".repeat(71)}`)).toThrow("1 to 70");
  });
});

describe("readParameter", () => {
  test.each([
    ["; name=data", "data"],
    ['; name="data"', "data"],
    ['; filename="a"; name="data"', "data"],
    ['; filename="a\\"; name=no"; name=data', "data"],
    ["; name*=utf-8''no; name=data", "data"],
    ['; name="first"; name="second"', "first"],
    ["; flag; name=data", "data"],
    ["; name=", ""],
    ['; name=""', ""],
  ])("reads the name in %s", (parameters, name) => {
    expect(readParameter(parameters, "name")).toBe(name);
  });

  test.each(["", ";", "; other=x", "; name", '; name="x', '; other="x; name=y', "; =x; name=y"])(
    "finds no name in %p",
    (parameters) => {
      expect(readParameter(parameters, "name")).toBeNull();
    },
  );
});
