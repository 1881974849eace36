import { describe, expect, it } from "bun:test";
import { join } from "node:path";
import { renderHelp, renderVersion } from "../src/cli/help.ts";

const main = join(import.meta.dir, "../src/main.ts");

async function registry(words: readonly string[], environment: Record<string, string> = {}) {
  const child = Bun.spawn([process.execPath, main, ...words], {
    env: environment,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  return { stdout, stderr, exitCode };
}

function usageError(message: string) {
  return { stdout: "", stderr: `registry: ${message}\nsee registry --help\n`, exitCode: 2 };
}

describe("registry", () => {
  it("--help shows the help on standard output", async () => {
    const expected = { stdout: renderHelp(null, false), stderr: "", exitCode: 0 };
    expect(await registry(["--help"])).toEqual(expected);
  });

  it("help openapi shows the help of that command", async () => {
    const expected = { stdout: renderHelp("openapi", false), stderr: "", exitCode: 0 };
    expect(await registry(["help", "openapi"])).toEqual(expected);
  });

  it("--version shows the version on standard output", async () => {
    expect(await registry(["-V"])).toEqual({ stdout: renderVersion(), stderr: "", exitCode: 0 });
  });

  it("refuses an unknown flag", async () => {
    expect(await registry(["--prot", "80"])).toEqual(
      usageError("unknown flag --prot; did you mean --port?"),
    );
  });

  it("refuses an unknown command", async () => {
    expect(await registry(["sevre"])).toEqual(
      usageError('unknown command "sevre"; did you mean serve?'),
    );
  });

  it("asks which database when none is given", async () => {
    const { stderr, exitCode } = await registry([]);
    expect(stderr).toStartWith("registry: which database? give --db-user and --db-password");
    expect(exitCode).toBe(2);
  });

  it("reads the environment", async () => {
    expect(await registry(["--embedded", "d"], { REGISTRY_DB_USER: "me" })).toMatchObject({
      stderr: expect.stringContaining("--embedded and REGISTRY_DB_USER exclude each other"),
      exitCode: 2,
    });
  });

  it("refuses a repeated password, and does not show it", async () => {
    expect(await registry(["--db-password", "geheim", "--db-password=geheim"])).toEqual(
      usageError("--db-password is given more than once; keep one"),
    );
  });

  it("sees a conflict with a password that it has moved out of sight", async () => {
    const { stdout, stderr, exitCode } = await registry([
      "--embedded=d",
      "--db-password",
      "geheim",
    ]);
    expect(stderr).toStartWith("registry: --embedded and --db-password ");
    expect(stdout + stderr).not.toContain("geheim");
    expect(exitCode).toBe(2);
  });

  it("sees two passwords, one of them moved out of sight", async () => {
    const words = ["--db-user=me", "--db-password-file=/nowhere", "--db-password=geheim"];
    const both = "--db-password (or REGISTRY_DB_PASSWORD) and --db-password-file";
    expect(await registry(words)).toEqual(usageError(`${both} exclude each other; drop one`));
  });

  it("ends as it should when nobody reads its output", async () => {
    const script = '{ "$0" "$1" --help; echo "exit $?" >&2; } | exec 0<&-';
    const child = Bun.spawn(["sh", "-c", script, process.execPath, main], { stderr: "pipe" });
    expect(await child.stderr.text()).toBe("exit 0\n");
  });
});
