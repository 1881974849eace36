import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readConfig } from "../../src/ops/config.ts";
import { credentialNameOf, findCredentials } from "../../src/ops/credentials.ts";
import type { FlagName, FlagValues } from "../../src/ops/flags.ts";
import { temporaryDirectory } from "../support/registry.ts";

let root: string;
beforeAll(() => {
  root = temporaryDirectory();
});
afterAll(() => rmSync(root, { recursive: true }));

let directories = 0;
function directoryOf(files: Readonly<Record<string, string>>): string {
  directories += 1;
  const directory = join(root, String(directories));
  mkdirSync(directory);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

function found(directory: string | undefined, ...given: FlagName[]) {
  return findCredentials(directory, (name) => given.includes(name));
}

describe("findCredentials", () => {
  it("finds none without a directory, and none in one without them", () => {
    expect(found(undefined)).toEqual({});
    expect(found("")).toEqual({});
    expect(found(directoryOf({ other: "x" }))).toEqual({});
    expect(found(join(root, "gone"))).toEqual({});
  });

  it("finds those that are there, by the flags whose place they take", () => {
    const directory = directoryOf({ "db-password": "p", "upload-tokens": "t" });
    expect(found(directory)).toEqual({
      "db-password-file": join(directory, "db-password"),
      "upload-token-file": join(directory, "upload-tokens"),
    });
  });

  it.each<FlagName>(["db-password", "db-password-file", "db-url", "embedded"])(
    "wants no password of its own beside --%s",
    (name) => {
      const directory = directoryOf({ "db-password": "p", "upload-tokens": "t" });
      expect(Object.keys(found(directory, name))).toEqual(["upload-token-file"]);
    },
  );

  it("takes no tokens where a file is named", () => {
    const directory = directoryOf({ "upload-tokens": "t" });
    expect(found(directory, "upload-token-file")).toEqual({});
  });

  it("passes over an empty password, but never over empty tokens: they are not for all", () => {
    const directory = directoryOf({ "db-password": "", "upload-tokens": "" });
    expect(Object.keys(found(directory))).toEqual(["upload-token-file"]);
  });

  it("takes the key of TLS and its certificate, even empty ones: that is not plain HTTP", () => {
    const directory = directoryOf({ "tls-key": "", "tls-cert": "" });
    const [key, cert] = [join(directory, "tls-key"), join(directory, "tls-cert")];
    expect(found(directory)).toEqual({ "tls-key": key, "tls-cert": cert });
    expect(found(directory, "tls-cert")).toEqual({ "tls-key": key });
  });

  it("has what cannot be looked at read all the same, so that it is refused", () => {
    const directory = directoryOf({});
    const tooLong = join(directory, "x".repeat(300));
    expect(Object.keys(found(tooLong))).toContain("upload-token-file");
  });
});

describe("a configuration with credentials", () => {
  const read = (values: FlagValues, directory: string) =>
    readConfig(values, { CREDENTIALS_DIRECTORY: directory }, false);

  it("has their password and tokens, and tells where they are", () => {
    const directory = directoryOf({ "db-password": "geheim\n", "upload-tokens": "t" });
    const config = read({ "db-user": "u" }, directory);
    expect(config.database).toMatchObject({ password: "geheim" });
    expect(config.uploadTokenFile).toBe(join(directory, "upload-tokens"));
    expect(config.told.environment).toEqual({
      "db-password-file": join(directory, "db-password"),
      "upload-token-file": join(directory, "upload-tokens"),
    });
    expect(JSON.stringify(config.told)).not.toContain("geheim");
  });

  it("prefers what was given otherwise", () => {
    const directory = directoryOf({ "db-password": "geheim" });
    const { database } = read({ "db-user": "u", "db-password": "other" }, directory);
    expect(database).toMatchObject({ password: "other" });
    expect(read({ embedded: "d" }, directory).database.kind).toBe("sqlite");
    expect(read({ "db-url": "postgres://u:p@h/d" }, directory).database).toMatchObject({
      password: "p",
    });
  });

  it("names a credential in messages as one", () => {
    const directory = directoryOf({ "db-password": "a\0b" });
    expect(() => read({ "db-user": "u" }, directory)).toThrow(/^the credential db-password: /);
    expect(credentialNameOf("port")).toBeNull();
    const keyAlone = directoryOf({ "tls-key": "" });
    expect(() => read({ embedded: "d" }, keyAlone)).toThrow(
      "the credential tls-key has no use without --tls-cert",
    );
  });
});
