import { describe, expect, it } from "bun:test";
import { hashFormOf } from "../../src/auth/token-file.ts";
import { runCommandLine, usageError } from "../support/command-line.ts";

const run = async (...words: string[]) => await runCommandLine(["token", ...words]);
const expires = "2999-01-31T00:00:00Z";

describe("registry token", () => {
  it("prints a token, and the line by which a registry knows it", async () => {
    const { stdout, stderr, exitCode } = await run("alice", "--expires", expires);
    const [, token = "", line] = /^token {2}(\S+)\nline {3}(.+)\n$/.exec(stdout) ?? [];
    expect(line).toBe(`${hashFormOf(token)} alice ${expires}`);
    expect([stderr, exitCode]).toEqual(["", 0]);
  });

  it("prints both as JSON for machines, a name or none", async () => {
    const { stdout, exitCode } = await run("--json");
    const { token, line } = JSON.parse(stdout) as Readonly<Record<string, string>>;
    expect(line).toBe(hashFormOf(token ?? ""));
    expect(exitCode).toBe(0);
  });

  it.each<[words: string[], why: string]>([
    [["a", "b"], "token takes one name; run it once for each"],
    [["--expires", "2020-01-01T00:00:00Z"], "--expires is over; name a time to come"],
    [
      ["alice", "--expires", "2999-01-31"],
      "write a name of up to 64 letters, digits and . _ @ -, and a time as 2027-01-31T00:00:00Z",
    ],
    [["--url", "http://h"], "token takes no --url"],
  ])("%p is refused", async (words, why) => {
    expect(await run(...words)).toEqual(usageError(why));
  });
});
