import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readClientToken } from "../../src/cli/client-token.ts";
import { createSettings, type Environment } from "../../src/ops/settings.ts";
import { UsageError } from "../../src/ops/usage-error.ts";
import { temporaryDirectory } from "../support/registry.ts";

const token = "a-token_of.mine~+/==";

let file: string;
let directory: string;
beforeAll(() => {
  directory = temporaryDirectory();
  file = join(directory, "token");
});
afterAll(() => rmSync(directory, { recursive: true }));

function read(values: Readonly<Record<string, string>>, environment: Environment = {}) {
  return readClientToken(createSettings(values, environment), environment);
}

function refusal(values: Readonly<Record<string, string>>, environment: Environment = {}): string {
  try {
    read(values, environment);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error("it was taken");
}

describe("the token of a client", () => {
  it("is none where nobody gives one", () => {
    expect(read({})).toBeNull();
    expect(read({}, { REGISTRY_TOKEN: "" })).toBeNull();
  });

  it("is in the environment, or in a file that is named there or typed", () => {
    writeFileSync(file, `${token}\n`);
    expect(read({}, { REGISTRY_TOKEN: token })).toBe(token);
    expect(read({ "token-file": file })).toBe(token);
    expect(read({}, { REGISTRY_TOKEN_FILE: file })).toBe(token);
  });

  it("is not in two places", () => {
    expect(refusal({ "token-file": file }, { REGISTRY_TOKEN: token })).toBe(
      "--token-file and REGISTRY_TOKEN exclude each other; drop one",
    );
  });

  it.each(["", "two words", `${token} geheim`, `${token}\n${token}`, "geheim\0", "gehéim"])(
    "is not %p, which no message shows",
    (text) => {
      writeFileSync(file, text);
      expect(refusal({ "token-file": file })).toBe(
        `--token-file: "${file}" holds no token; write the token into it, and nothing else`,
      );
      if (text === "") return;
      expect(refusal({}, { REGISTRY_TOKEN: text })).toStartWith("REGISTRY_TOKEN holds no token;");
    },
  );

  it("is not where nothing can be read", () => {
    const gone = join(directory, "gone");
    expect(refusal({ "token-file": gone })).toBe(`--token-file: cannot read "${gone}" (ENOENT)`);
  });
});
