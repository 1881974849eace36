import { describe, expect, it } from "bun:test";
import manifest from "../../package.json" with { type: "json" };
import { notesOf } from "../../src/cli/command-notes.ts";
import { commandNames, commands, type Command } from "../../src/cli/commands.ts";
import { renderHelp, renderVersion, wantsColour } from "../../src/cli/help.ts";
import { toVariable } from "../../src/ops/flags.ts";
import { serverFlags } from "../../src/ops/server-flags.ts";

const help = renderHelp(null, false);

describe("the help", () => {
  it.each(serverFlags.map((flag) => [flag.name, flag] as const))(
    "shows --%s with its variable and default",
    (name, flag) => {
      const lines = help.split("\n");
      const first = lines.findIndex((line) => line.startsWith(`  --${name} `));
      expect(lines[first]).toContain(`${`--${name} ${flag.placeholder}`.trimEnd()}  `);
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
    expect(renderHelp("put", false)).not.toContain("--embedded");
    expect(renderHelp("serve", false)).toContain("registry --embedded");
    expect(renderHelp("put", false)).toContain("registry put --url");
  });

  it.each(commandNames)("of %p shows its flags, operands, exit codes and examples", (command) => {
    const text = renderHelp(command, false);
    const { flags, operands = "" }: Command = commands[command];
    const shown = [...text.matchAll(/^ {2}--([a-z-]+) /gm)].map(([, name]) => name);
    expect(new Set(shown)).toEqual(new Set(flags.map(({ name }) => name)));
    expect(text).toMatch(new RegExp(`^Usage {2}registry .*${RegExp.escape(operands)}$`, "m"));
    const words = text.split(/\s+/).join(" ");
    expect(words).toContain(`Exit codes: ${notesOf[command].exitCodes}.`);
    for (const [why] of notesOf[command].examples) expect(text).toContain(`\n  ${why}\n    `);
  });

  it("explains only the values that the command's flags have", () => {
    const words = (command: "serve" | "migrate" | "stat" | "openapi"): string =>
      renderHelp(command, false).split(/\s+/).join(" ");
    expect(words("serve")).toContain(" SIZE: 500 ");
    expect(words("migrate")).not.toContain(" SIZE: ");
    expect(words("migrate")).toContain(" DURATION: 500ms");
    expect(words("serve")).toContain("true or false");
    expect(words("openapi")).not.toContain("true or false");
    expect(words("stat")).toContain("true or false");
    expect(words("openapi")).not.toContain("--flag VALUE");
  });

  it("shows a switch without a value", () => {
    expect(renderHelp("put", false)).toMatch(/^ {2}--json {3,}\w.*\n +REGISTRY_JSON$/m);
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
