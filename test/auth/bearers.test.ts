import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { createBearers } from "../../src/auth/bearers.ts";
import { hashFormOf, parseTokenFile } from "../../src/auth/token-file.ts";

const now = Date.UTC(2026, 10, 25);
const bearers = createBearers(
  parseTokenFile(
    [
      "alices-token-of-november alice",
      `${hashFormOf("bobs+token/of.november~==")} bob 2026-11-26T00:00:00Z`,
      "carols-token-of-october carol 2026-11-25T00:00:00Z",
    ].join("\n"),
  ),
);

describe("identify", () => {
  const rows: [authorization: string | null, bearer: object][] = [
    ["Bearer alices-token-of-november", { kind: "known", name: "alice" }],
    ["bearer  alices-token-of-november ", { kind: "known", name: "alice" }],
    ["BEARER bobs+token/of.november~==", { kind: "known", name: "bob" }],
    ["Bearer carols-token-of-october", { kind: "expired", name: "carol" }],
    ["Bearer alices-token-of-novembeR", { kind: "unknown" }],
    ["Bearer alices-token-of-november2", { kind: "unknown" }],
    [`Bearer ${hashFormOf("alices-token-of-november").slice(7)}`, { kind: "unknown" }],
    [null, { kind: "missing" }],
    ["", { kind: "missing" }],
    ["Bearer", { kind: "missing" }],
    ["Basic YWxpY2U6YWxpY2U=", { kind: "missing" }],
    ["Bearer alices-token-of-november, Bearer x", { kind: "missing" }],
    [`Bearer ${hashFormOf("alices-token-of-november")}`, { kind: "missing" }],
  ];

  it.each(rows)("%p is %p", (authorization, bearer) => {
    expect(bearers.identify(authorization, now)).toEqual(bearer as never);
  });

  it("lets a token in until the moment it expires, and not from then on", () => {
    const authorization = "Bearer bobs+token/of.november~==";
    const expiry = Date.UTC(2026, 10, 26);
    expect(bearers.identify(authorization, expiry - 1).kind).toBe("known");
    expect(bearers.identify(authorization, expiry).kind).toBe("expired");
  });

  it("knows nobody where there are no tokens", () => {
    const nobody = createBearers([]);
    expect(nobody.identify("Bearer alices-token-of-november", now).kind).toBe("unknown");
  });

  it("knows each of many tokens, and none besides", () => {
    const token = fc.stringMatching(/^[A-Za-z0-9._~+/-]{16,40}=?$/);
    fc.assert(
      fc.property(fc.uniqueArray(token, { minLength: 2, maxLength: 30 }), ([other, ...listed]) => {
        const text = listed.map((secret, index) => `${secret} name${index}`).join("\n");
        const some = createBearers(parseTokenFile(text));
        expect(some.identify(`Bearer ${other}`, now).kind).toBe("unknown");
        listed.forEach((secret, index) => {
          const bearer = { kind: "known", name: `name${index}` } as const;
          expect(some.identify(`Bearer ${secret}`, now)).toEqual(bearer);
        });
      }),
    );
  });
});
