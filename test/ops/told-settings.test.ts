import { describe, expect, it } from "bun:test";
import { flags, toVariable, type FlagValues } from "../../src/ops/flags.ts";
import { serverFlags } from "../../src/ops/server-flags.ts";
import { createSettings, type Environment } from "../../src/ops/settings.ts";
import { cautionsOf, tellSettings } from "../../src/ops/told-settings.ts";

function tell(values: FlagValues, environment: Environment = {}) {
  return tellSettings(createSettings(values, environment));
}

describe("tellSettings", () => {
  it("tells each value by who gave it, as it was given", () => {
    const told = tell(
      { "db-user": "u", port: "80" },
      { REGISTRY_CACHE_SIZE: "1GiB", REGISTRY_PORT: "81", REGISTRY_HOST: "" },
    );
    expect(told.flags).toEqual({ "db-user": "u", port: "80" });
    expect(told.environment).toEqual({ "cache-size": "1GiB" });
    expect(told.defaults).toMatchObject({
      host: "::",
      "db-port": "5432",
      "max-blob-size": "64MiB",
    });
    expect(told.defaults).not.toHaveProperty("port");
  });

  it("tells every flag of the server that is given, and no other", () => {
    const values = Object.fromEntries(flags.map(({ name }) => [name, "1"]));
    expect(Object.keys(tell(values).flags)).toEqual(serverFlags.map(({ name }) => name));
  });

  it.each([
    ["flag", (name: string, value: string) => tell({ [name]: value })],
    ["variable", (name: string, value: string) => tell({}, { [toVariable(name)]: value })],
  ])("never tells a secret that came by %s, only that there is one", (_, tellIt) => {
    for (const flag of serverFlags) {
      if (!("isSecret" in flag)) continue;
      const told = tellIt(flag.name, "postgres://u:planted@h/d");
      expect(JSON.stringify(told)).not.toContain("planted");
      expect(told.environment[flag.name] ?? told.flags[flag.name]).toBe("***");
    }
  });

  it("tells no secret that stands where none belongs", () => {
    for (const { name } of serverFlags) {
      const told = tell({ [name]: "https://u:planted@h/" });
      expect(JSON.stringify(told)).not.toContain("planted");
    }
  });

  it("leaves out what has no meaning beside the others", () => {
    const database = (values: FlagValues): string[] =>
      Object.keys(tell(values).defaults).filter((name) => name.startsWith("db-"));
    expect(database({ embedded: "d" })).toEqual(["db-timeout"]);
    expect(database({ "db-url": "x" })).toEqual([
      "db-tls",
      "db-pool",
      "db-connect-timeout",
      "db-timeout",
    ]);
  });
});

describe("cautionsOf", () => {
  const cautions = (values: FlagValues): string => cautionsOf(tell(values)).join("\n");

  it.each(["127.0.0.1", "127.1.2.3", "localhost", "::1", "[::1]"])("has none for %s", (host) => {
    expect(cautions({ embedded: "d", host })).toBe("");
  });

  it.each(["::", "0.0.0.0", "192.0.2.1", "localhost.example.org"])(
    "says of %s that everybody may upload",
    (host) => {
      expect(cautions({ embedded: "d", host })).toMatch(/^everybody .+ may upload.+--host/);
    },
  );

  it("says so of the default, too, but not where nobody may, or only who has a token", () => {
    expect(cautions({ embedded: "d" })).toContain("may upload");
    expect(cautions({ embedded: "d", "upload-token-file": "f" })).toBe("");
    expect(cautions({ embedded: "d", "read-only": "true" })).toBe("");
  });

  it("recommends other places for a secret that was typed", () => {
    const told = tell({ embedded: "d", host: "::1" });
    expect(cautionsOf(told, ["db-password"]).join()).toMatch(
      /^the secret of --db-password stood on the command line.+use --db-password-file/,
    );
  });

  it.each<[values: FlagValues, isTold: boolean]>([
    [{ "db-host": "db.example" }, true],
    [{ "db-host": "db.example", "db-tls": "disable" }, true],
    [{ "db-host": "db.example", "db-tls": "require" }, false],
    [{ "db-host": "db.example", "db-tls": "verify-full" }, false],
    [{ "db-host": "localhost" }, false],
    [{ "db-host": "/run/postgresql" }, false],
    [{ "db-url": "postgres://u:p@db.example/d" }, false],
    [{ embedded: "d" }, false],
  ])("of the way to the database, %p: %p", (values, isTold) => {
    expect(cautions({ host: "::1", ...values }).includes("--db-tls")).toBe(isTold);
  });

  it.each([
    ["0.0.0.0/0", true],
    ["10.0.0.0/8, ::/0 ,192.0.2.1", true],
    ["10.0.0.0/8", false],
    ["192.0.2.1", false],
  ])("of --trusted-proxy %s: %p", (proxies, isTold) => {
    const told = cautions({ host: "::1", embedded: "d", "trusted-proxy": proxies });
    expect(told.includes("--trusted-proxy")).toBe(isTold);
  });
});
