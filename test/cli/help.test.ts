import { describe, expect, it } from "bun:test";
import manifest from "../../package.json" with { type: "json" };
import { commandNames } from "../../src/cli/commands.ts";
import { renderHelp, renderVersion, wantsColour } from "../../src/cli/help.ts";
import { flags, toVariable } from "../../src/ops/flags.ts";

const help = renderHelp(null, false);

describe("the help", () => {
  it.each(flags.map((flag) => [flag.name, flag] as const))(
    "shows --%s with its variable and default",
    (name, flag) => {
      const lines = help.split("\n");
      const first = lines.findIndex((line) => line.startsWith(`  --${name} `));
      expect(lines[first]).toContain(`--${name} ${flag.placeholder}  `);
      const facts = lines[first + 1]?.trim();
      expect(facts).toStartWith(toVariable(name));
      if (flag.default !== null) expect(facts).toEndWith(`, default ${flag.default}`);
    },
  );

  it("shows every command", () => {
    for (const name of commandNames) expect(help).toMatch(new RegExp(`^  ${name} +\\w`, "m"));
  });

  it("shows what a choice may be", () => {
    expect(help).toContain("disable, prefer, require, verify-full");
  });

  it("has an example of each way to name a database", () => {
    expect(help).toMatch(/^ {4}registry --embedded /m);
    expect(help).toMatch(/^ {4}registry --db-user \S+ --db-password /m);
    expect(help).toMatch(/^ {4}registry --db-user \S+ --db-password-file /m);
  });

  it.each([null, ...commandNames])("of %p fits 100 columns and ends with a newline", (command) => {
    const text = renderHelp(command, false);
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(text).toMatch(/[^\n]\n$/);
  });

  it("of a command is about that command only", () => {
    expect(renderHelp("openapi", false)).not.toContain("--db-user");
    expect(renderHelp("serve", false)).not.toContain("openapi");
  });

  it("says the same in colour", () => {
    const coloured = renderHelp(null, true);
    expect(coloured).toContain("\u001b[1m");
    expect(Bun.stripANSI(coloured)).toBe(help);
    expect(help).not.toContain("\u001b");
  });
});

describe("wantsColour", () => {
  it("only on a terminal that is not dumb, without NO_COLOR", () => {
    expect(wantsColour({ isTTY: true }, {})).toBe(true);
    expect(wantsColour({ isTTY: true }, { NO_COLOR: "" })).toBe(true);
    expect(wantsColour({ isTTY: true }, { NO_COLOR: "1" })).toBe(false);
    expect(wantsColour({ isTTY: true }, { TERM: "dumb" })).toBe(false);
    expect(wantsColour({ isTTY: false }, {})).toBe(false);
    expect(wantsColour({}, {})).toBe(false);
  });
});

describe("renderVersion", () => {
  it("names the program, its version and what it runs on", () => {
    expect(renderVersion()).toBe(
      `registry ${manifest.version} (Bun ${Bun.version}, ${process.platform} ${process.arch})\n`,
    );
  });
});
