import { afterEach, beforeEach, describe, expect, it } from "bun:test";
import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashFormOf } from "../../src/auth/token-file.ts";
import { StartError } from "../../src/domain/errors.ts";
import { limits } from "../../src/domain/limits.ts";
import { createLog } from "../../src/ops/log.ts";
import { openUploadTokens, type UploadTokens } from "../../src/ops/upload-tokens.ts";
import { temporaryDirectory } from "../support/registry.ts";

const alices = "alices-token-of-november";
const bobs = "bobs-token-of-november";

let directory: string;
let file: string;
let lines: Readonly<Record<string, unknown>>[];
beforeEach(() => {
  directory = temporaryDirectory();
  file = join(directory, "tokens");
  lines = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

const log = createLog({
  level: "debug",
  format: "json",
  write: (line) => void lines.push(JSON.parse(line) as Readonly<Record<string, unknown>>),
});

async function open(text: string): Promise<UploadTokens> {
  writeFileSync(file, text);
  return await openUploadTokens(file, log);
}

async function failureOf(text: string): Promise<string> {
  try {
    await open(text);
  } catch (error) {
    if (error instanceof StartError) return error.message;
    throw error;
  }
  throw new Error("it was opened");
}

function kindOf(tokens: UploadTokens, token: string): string {
  return tokens.identify(`Bearer ${token}`, Date.now()).kind;
}

describe("the upload tokens, at the start", () => {
  it("are those of the file", async () => {
    const tokens = await open(`${hashFormOf(alices)} alice\n${bobs} bob 2020-01-01T00:00:00Z\n`);
    expect([alices, bobs, "x"].map((token) => kindOf(tokens, token))).toEqual([
      "known",
      "expired",
      "unknown",
    ]);
    expect(lines).toEqual([]);
    tokens.tell();
    expect(lines).toMatchObject([{ message: "upload tokens read", tokens: 2, expired: 1 }]);
  });

  it.each(["", "# nobody yet\n\n", "\u{feff}"])("must be some: %p is none", async (text) => {
    expect(await failureOf(text)).toBe(
      `${file} holds no token, so nobody could upload; make one with registry token, ` +
        "or leave --upload-token-file out and let everybody upload",
    );
  });

  it("must be readable to the last line, and nothing of that line is told", async () => {
    expect(await failureOf(`${alices} alice\nshort geheim\n`)).toBe(
      `${file}, line 2: a token has at least 16 characters; correct --upload-token-file`,
    );
  });

  it("must be in a file that is there and not huge", async () => {
    expect(openUploadTokens(join(directory, "gone"), log)).rejects.toThrow(/ENOENT/);
    expect(openUploadTokens(directory, log)).rejects.toThrow("no regular file");
    writeFileSync(file, `${alices}\n`);
    truncateSync(file, limits.uploadTokenFileBytesMax + 1);
    expect(openUploadTokens(file, log)).rejects.toThrow("of 4194304 at most");
  });

  it("fit into the file as many as there may be, each with all that a line may say", async () => {
    const digest = (index: number): string => index.toString(16).padStart(64, "0");
    const text = Array.from(
      { length: limits.uploadTokensMax },
      (_, index) => `sha256:${digest(index)} ${"n".repeat(64)} 2027-01-31T00:00:00.000+00:00\n`,
    );
    const tokens = await open(text.join(""));
    tokens.tell();
    expect(lines).toMatchObject([{ tokens: limits.uploadTokensMax }]);
  });
});

describe("the upload tokens, read again", () => {
  it("are those that the file has now", async () => {
    const tokens = await open(`${alices}\n`);
    writeFileSync(file, `${bobs}\n`);
    await tokens.reload();
    expect([alices, bobs].map((token) => kindOf(tokens, token))).toEqual(["unknown", "known"]);
    expect(lines).toMatchObject([{ level: "info", message: "upload tokens read", tokens: 1 }]);
  });

  it.each<[what: string, spoil: () => void, why: RegExp]>([
    ["has no token", () => writeFileSync(file, "# none\n"), /holds no token/],
    ["is broken", () => writeFileSync(file, `${bobs}\n!\n`), /line 2: a token has/],
    ["is gone", () => rmSync(file), /ENOENT/],
    ["is huge", () => truncateSync(file, limits.uploadTokenFileBytesMax + 1), /at most/],
  ])("stay as they were where the file %s, and the log says so", async (_, spoil, why) => {
    const tokens = await open(`${alices}\n`);
    spoil();
    await tokens.reload();
    expect([alices, bobs].map((token) => kindOf(tokens, token))).toEqual(["known", "unknown"]);
    const message = "the upload tokens cannot be read: those before stay in force";
    expect(lines).toMatchObject([{ level: "error", message, tokens: 1 }]);
    expect(lines[0]?.["why"]).toMatch(why);
    writeFileSync(file, `${bobs}\n`);
    await tokens.reload();
    expect(kindOf(tokens, bobs)).toBe("known");
  });

  it("are at last those of the last file, however quickly it changes", async () => {
    const tokens = await open(`${alices}\n`);
    const reloads = [];
    for (let turn = 0; turn < 20; turn += 1) {
      writeFileSync(file, turn % 2 === 0 ? `${alices}\n` : `${bobs}\n`);
      reloads.push(tokens.reload());
    }
    await Promise.all(reloads);
    expect([alices, bobs].map((token) => kindOf(tokens, token))).toEqual(["unknown", "known"]);
  });

  it("stay where no file can be read any more", async () => {
    const tokens = await open(`${alices}\n`);
    rmSync(file);
    mkdirSync(file);
    await tokens.reload();
    expect(kindOf(tokens, alices)).toBe("known");
  });
});
