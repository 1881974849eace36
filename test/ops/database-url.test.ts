import { describe, expect, it } from "bun:test";
import * as fc from "fast-check";
import { readConfig } from "../../src/ops/config.ts";
import type { FlagValues } from "../../src/ops/flags.ts";

function readDatabase(url: string, more: FlagValues = {}) {
  return readConfig({ "db-url": url, ...more }, {}, false).database;
}

function refusal(url: string, more: FlagValues = {}): string {
  try {
    readDatabase(url, more);
  } catch (error) {
    const { name, message } = error as Error;
    expect(name).toBe("UsageError");
    expect(message).not.toContain("geheim");
    return message;
  }
  throw new Error("was not refused");
}

describe("--db-url", () => {
  it("gives user, password, host, port and name", () => {
    expect(readDatabase("postgres://me:geheim@db.example.org:6432/blobs")).toMatchObject({
      user: "me",
      password: "geheim",
      host: "db.example.org",
      port: 6432,
      name: "blobs",
      tls: "prefer",
    });
  });

  it("leaves port, name and password to their defaults", () => {
    expect(readDatabase("postgresql://me@localhost")).toMatchObject({
      password: "",
      port: 5432,
      name: "mycelium_cdn_registry",
    });
  });

  it("takes an IPv6 address in brackets", () => {
    expect(readDatabase("postgres://me@[::1]:5433/n")).toMatchObject({ host: "::1", port: 5433 });
  });

  it("decodes whatever was percent-encoded", () => {
    const text = fc.string({ unit: "binary", minLength: 1 });
    fc.assert(
      fc.property(text, text, text, (user, password, name) => {
        const [u, p, n] = [user, password, name].map(encodeURIComponent);
        expect(readDatabase(`postgres://${u}:${p}@h/${n}`)).toMatchObject({ user, password, name });
      }),
    );
  });

  it("takes sslmode", () => {
    expect(readDatabase("postgres://me:geheim@h/n?sslmode=require")).toMatchObject({
      tls: "require",
    });
  });

  it("refuses sslmode next to --db-tls", () => {
    expect(refusal("postgres://me@h/n?sslmode=require", { "db-tls": "require" })).toBe(
      "--db-url has sslmode, and --db-tls is given too; drop one",
    );
  });

  it("refuses an sslmode that --db-tls would refuse", () => {
    expect(refusal("postgres://me@h/n?sslmode=allow")).toBe(
      '--db-url has sslmode "allow", which is none of disable, prefer, require, verify-full',
    );
  });

  it("refuses any other parameter by its name", () => {
    expect(refusal("postgres://me@h/n?sslmode=require&password=geheim")).toBe(
      "--db-url has the parameter password; only sslmode is taken, use flags instead",
    );
  });

  it.each(["db-user", "db-password", "db-password-file", "db-name", "db-host", "db-port"] as const)(
    "excludes --%s",
    (name) => {
      expect(refusal("postgres://me:geheim@h/n", { [name]: "5432" })).toStartWith(
        `--db-url and --${name} exclude each other`,
      );
    },
  );

  it.each([
    ["mysql://me:geheim@h/n", "must begin with postgres://"],
    ["geheim", "must begin with postgres://"],
    ["postgres://me:geheim @h/n", "must not hold spaces"],
    ["postgres://me:geheim%zz@h/n", "holds a % that is not followed by"],
    ["postgres://me:ge/geheim@h/n", "percent-encode"],
    ["postgres://me:12/geheim@h/n", "percent-encode"],
    ["postgres://me:12?geheim@h/n", "percent-encode"],
    ["postgres://me:12#geheim@h/n", "percent-encode"],
    ["postgres://me:geheim@h:99999/n", "percent-encode"],
    ["postgres://me:geheim@h:0/n", "has port 0"],
    ["postgres:///n", "names no host"],
    ["postgres://h/n", "names no user"],
  ] as const)("refuses %s without showing the password", (url, why) => {
    expect(refusal(url)).toContain(why);
  });
});
