import { afterAll, describe, expect, it } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArguments } from "../../src/cli/arguments.ts";
import { toHidden } from "../../src/cli/hide-password.ts";

function hide(...words: string[]) {
  return toHidden(parseArguments(words), { REGISTRY_DB_PASSWORD: "old", HOME: "/root" });
}

describe("toHidden", () => {
  it("moves a password to its variable and keeps the rest", () => {
    expect(hide("--db-user", "me", "--db-password", "new", "--port=0")).toEqual({
      words: ["serve", "--db-user=me", "--port=0"],
      environment: {
        REGISTRY_DB_PASSWORD: "new",
        HOME: "/root",
        REGISTRY_TYPED_SECRETS: "db-password",
      },
    });
  });

  it.each(["postgres://me:a@b/c@h/n", "postgres://me@corp:a@h/n"])("moves the URL %s", (url) => {
    expect(hide("--db-url", url)).toMatchObject({
      words: ["serve"],
      environment: { REGISTRY_DB_URL: url },
    });
  });

  it("leaves a note of what it has moved, which is a secret no more", () => {
    const { environment } = hide("--db-password=x", "--db-url=postgres://a:b@h") ?? {};
    expect(environment).toMatchObject({ REGISTRY_TYPED_SECRETS: "db-password db-url" });
  });

  it("leaves alone what holds no password, an empty one included", () => {
    expect(hide()).toBeNull();
    expect(hide("--db-user", "me", "--db-password", "")).toBeNull();
    expect(hide("--db-url=postgres://me@h:5432/n")).toBeNull();
    expect(hide("--db-password", "geheim", "--help")).toBeNull();
  });

  it("has nothing left to hide the second time", () => {
    const { words, environment } = hide("--db-password=x", "--db-url=postgres://a:b@h") ?? {};
    expect(toHidden(parseArguments(words ?? []), environment ?? {})).toBeNull();
  });
});

describe("hidePassword", () => {
  const directory = mkdtempSync(join(tmpdir(), "registry-hide-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  const source = join(import.meta.dir, "../../src");
  const script = join(directory, "show.ts");
  writeFileSync(
    script,
    `import { existsSync, readFileSync } from "node:fs";
    import { parseArguments } from "${source}/cli/arguments.ts";
    import { hidePassword } from "${source}/cli/hide-password.ts";
    const warning = hidePassword(parseArguments(process.argv.slice(2)));
    const cmdline = "/proc/self/cmdline";
    const seen = existsSync(cmdline) ? readFileSync(cmdline, "utf8") : process.argv.join("\\0");
    const password = process.env.REGISTRY_DB_PASSWORD;
    const { pid, execArgv } = process;
    console.log(JSON.stringify({ warning, seen, password, pid, execArgv }));`,
  );

  async function show(...words: string[]) {
    const child = Bun.spawn([process.execPath, "--smol", script, ...words], { env: {} });
    const told = JSON.parse(await child.stdout.text());
    return { ...told, isSameProcess: told.pid === child.pid };
  }

  it("takes the password out of what ps shows, in the same process", async () => {
    const told = await show("--db-user", "me", "--db-password", 'ge "heim" $x\nü');
    expect(told).toMatchObject({
      warning: null,
      password: 'ge "heim" $x\nü',
      isSameProcess: true,
      execArgv: ["--smol"],
    });
    expect(told.seen).toEndWith("\0serve\0--db-user=me\0");
    expect(told.seen).not.toContain("heim");
  });

  it("does not run again when there is nothing to hide", async () => {
    const told = await show("--db-user", "me", "--db-password", "");
    expect(told.seen).toEndWith("\0--db-user\0me\0--db-password\0\0");
    expect(told).not.toHaveProperty("password");
  });
});
