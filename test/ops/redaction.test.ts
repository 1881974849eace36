import { describe, expect, it } from "bun:test";
import * as fc from "fast-check";
import { isSecretName, withoutSecrets } from "../../src/ops/redaction.ts";

describe("withoutSecrets", () => {
  it.each([
    ["cannot reach postgres://u:geheim@db:5432/x", "cannot reach postgres://***@db:5432/x"],
    ["postgres://u:ge@he/im@db/x", "postgres://***@db/x"],
    ["a //u:p@h and //v:q@i", "a //***@h and //***@i"],
    ["host=h password=geheim user=u", "host=h password=*** user=u"],
    ["password='ge heim' x", "password=*** x"],
    ['{"password":"geheim","user":"u"}', '{"password":***,"user":"u"}'],
    ["PWD: geheim, x", "PWD: ***, x"],
    ["?secret=geheim&x=1", "?secret=***&x=1"],
    ["Authorization: Bearer abc.DEF-123_~+/== x", "Authorization: Bearer *** x"],
  ])("of %p leaves %p", (text, plain) => {
    expect(withoutSecrets(text)).toBe(plain);
  });

  it.each([
    "http://[::]:8080",
    "/api/v1/metadata/00?x=a@b",
    'password authentication failed for user "u"',
    "mail@example.org",
    "the bearer of it",
    "",
  ])("leaves %p as it is", (text) => {
    expect(withoutSecrets(text)).toBe(text);
  });

  it("lets no password of a connection string through, whatever it is", () => {
    const password = fc
      .string({ minLength: 1, maxLength: 20 })
      .filter((text) => /^\S+$/.test(text));
    fc.assert(
      fc.property(password, (text) => {
        fc.pre(!/["'<>]/.test(text));
        const told = withoutSecrets(`at postgres://u:#${text}#@db/x failed`);
        expect(told).toBe("at postgres://***@db/x failed");
      }),
    );
  });

  it("ends soon, whatever comes", () => {
    const texts = ["//@", "//a", "/", "@//x", "password=", "password='"];
    for (const text of texts) withoutSecrets(`${text.repeat(4000)}@`);
  });
});

describe("isSecretName", () => {
  it("knows what holds a secret by its name", () => {
    expect(isSecretName("authorization")).toBe(true);
    for (const name of ["password", "PASSWORD", "passwd", "pass", "secret", "token"]) {
      expect(isSecretName(name)).toBe(true);
    }
    for (const name of ["", "passed", "host", "db-password-file"]) {
      expect(isSecretName(name)).toBe(false);
    }
  });
});
