import { describe, expect, it } from "bun:test";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { hashFormOf, parseTokenFile, TokenFileError } from "../../src/auth/token-file.ts";
import { limits } from "../../src/domain/limits.ts";

const secret = "wJalrXUtnFEMI_K7MDENG-bPxRfi";
const digest = createHash("sha256").update(secret).digest("hex");

describe("parseTokenFile", () => {
  it("keeps a token's digest, its name and its expiry, and not the token", () => {
    const text = `# who may upload\n\n${secret} alice 2027-01-31T12:00:00+02:00 # until then\n`;
    const tokens = parseTokenFile(text);
    expect(tokens).toEqual([{ digest, name: "alice", expiresAtMs: Date.UTC(2027, 0, 31, 10) }]);
    expect(JSON.stringify(tokens)).not.toContain(secret);
  });

  it("names a token without a name by the first digits of its digest", () => {
    const [token] = parseTokenFile(secret);
    expect(token).toEqual({ digest, name: `token-${digest.slice(0, 8)}`, expiresAtMs: null });
  });

  it("takes an expiry without a name, the hash form, tabs, CRLF and a byte order mark", () => {
    const text = `\u{feff}${hashFormOf(secret)}\t2027-01-31t00:00:00z\r\nsecond-token-of-mine bob\r\n`;
    expect(parseTokenFile(text)).toMatchObject([
      { digest, expiresAtMs: Date.UTC(2027, 0, 31) },
      { name: "bob", expiresAtMs: null },
    ]);
  });

  it.each([
    ["2027-01-31T00:00:00.1234567890123Z", Date.UTC(2027, 0, 31) + 123],
    ["2028-02-29T23:59:59-23:59", Date.UTC(2028, 2, 1, 23, 58, 59)],
    ["2026-12-31T23:59:60Z", Date.UTC(2027, 0, 1)],
    ["2027-01-01t01:29:60.5+01:30", Date.UTC(2027, 0, 1) + 500],
  ])("reads the time %s", (time, expiresAtMs) => {
    expect(parseTokenFile(`${secret} ${time}`)).toMatchObject([{ expiresAtMs }]);
  });

  it("has no tokens where there are only comments", () => {
    expect(parseTokenFile("")).toEqual([]);
    expect(parseTokenFile("# one\n   # two\n\t\n")).toEqual([]);
  });

  const bad: [what: string, line: string, why: RegExp][] = [
    ["a short token", "short", /at least 16 characters/],
    ["characters that no token has", "pässword-pässword-pässword", /a token has letters/],
    ["an equals sign within", "abcdefgh=ijklmnopqrst", /only at its end/],
    ["NUL", `${secret}\0`, /a token has letters/],
    ["a hash form that is cut", `sha256:${digest.slice(1)}`, /64 lower-case/],
    ["a hash form in upper case", `sha256:${digest.toUpperCase()}`, /64 lower-case/],
    ["a name with a colon", `${secret} a:b`, /a name has up to 64/],
    ["a name of 65 characters", `${secret} ${"a".repeat(65)}`, /a name has up to 64/],
    ["a date without time", `${secret} alice 2027-01-31`, /and an expiry/],
    ["a date for a name", `${secret} 2027-01-31`, /and an expiry/],
    ["a month for a name", `${secret} 2027-01`, /and an expiry/],
    ["a basic time for a name", `${secret} 20270131T000000Z`, /and an expiry/],
    ["a German date for a name", `${secret} 31.1.2027`, /and an expiry/],
    ["a leap second at noon", `${secret} 2026-12-31T12:00:60Z`, /a second that there is not/],
    ["a time without zone", `${secret} alice 2027-01-31T00:00:00`, /and an expiry/],
    ["a day that is not", `${secret} 2027-02-30T00:00:00Z`, /a day that there is not/],
    ["month 13", `${secret} 2027-13-01T00:00:00Z`, /a day that there is not/],
    ["four words", `${secret} a b 2027-01-31T00:00:00Z`, /and an expiry/],
    ["a token twice", `${secret}\n${hashFormOf(secret)}`, /that of line 2/],
  ];

  it.each(bad)("refuses %s, names the line and tells nothing of it", (_what, line, why) => {
    const number = line.includes("\n") ? 3 : 2;
    const parse = (): unknown => parseTokenFile(`# first\n${line}\n`);
    expect(parse).toThrow(TokenFileError);
    expect(parse).toThrow(why);
    expect(parse).toThrow(new RegExp(`^line ${number}: `));
    expect(parse).not.toThrow(line.slice(0, 8));
  });

  it("refuses more tokens than it keeps", () => {
    const lines = Array.from(
      { length: limits.uploadTokensMax + 1 },
      (_none, index) => `token-number-${1e6 + index}`,
    );
    expect(parseTokenFile(lines.slice(1).join("\n"))).toHaveLength(limits.uploadTokensMax);
    expect(() => parseTokenFile(lines.join("\n"))).toThrow(
      `line ${limits.uploadTokensMax + 1}: more than`,
    );
  });

  it("gives tokens or a TokenFileError, whatever the file holds", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        try {
          for (const token of parseTokenFile(text)) expect(token.digest).toMatch(/^[0-9a-f]{64}$/);
        } catch (error) {
          expect(error).toBeInstanceOf(TokenFileError);
        }
      }),
    );
  });
});
