import { describe, expect, it } from "bun:test";
import { createBearers } from "../../src/auth/bearers.ts";
import { parseTokenFile } from "../../src/auth/token-file.ts";
import { makeToken } from "../../src/ops/new-token.ts";
import { UsageError } from "../../src/ops/usage-error.ts";

const expires = "2999-01-31T00:00:00+01:00";

describe("makeToken", () => {
  it("makes 256 random bits, and a line that knows them without holding them", () => {
    const { token, line } = makeToken({ name: "alice", expires });
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(line).toMatch(/^sha256:[0-9a-f]{64} alice 2999-01-31T00:00:00\+01:00$/);
    expect(line).not.toContain(token);
    const bearers = createBearers(parseTokenFile(line));
    expect(bearers.identify(`Bearer ${token}`, Date.now())).toEqual({
      kind: "known",
      name: "alice",
    });
    expect(makeToken({ name: "alice", expires }).token).not.toBe(token);
  });

  it("needs neither a name nor an end", () => {
    expect(makeToken({ name: null, expires: null }).line).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(makeToken({ name: null, expires }).line).toEndWith(` ${expires}`);
  });

  it.each<[name: string | null, expires: string | null]>([
    ["two words", null],
    ["", null],
    ["a#", null],
    [" #", null],
    ["a".repeat(65), null],
    ["a\nb", null],
    [expires, null],
    ["2999-01-31", null],
    [null, "tomorrow"],
    [null, "2999-01-31"],
    [null, "2999-02-31T00:00:00Z"],
    ["alice", "bob"],
    [null, `x ${expires}`],
  ])("refuses %p until %p", (name, end) => {
    expect(() => makeToken({ name, expires: end })).toThrow(UsageError);
  });

  it("refuses a time that is over", () => {
    const past = { name: null, expires: "2020-01-31T00:00:00Z" };
    expect(() => makeToken(past)).toThrow("--expires is over; name a time to come");
  });
});
